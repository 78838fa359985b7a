"""Answering a question about files with a script that filters, takes a value and works something out."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from conjure_magic.models.offline import answer as say
from conjure_magic.models.offline import report, sampling
from conjure_magic.models.offline.choose import made_files
from conjure_magic.models.offline.compose import (
    Composed,
    Program,
    can_ask,
    can_convert,
    compose,
    convert,
    takes_files,
)
from conjure_magic.models.offline.conversation import Conversation, Step, Surroundings
from conjure_magic.models.offline.documents import Documentation
from conjure_magic.models.offline.fill_template import absolute, quoted_path
from conjure_magic.models.offline.interface import Interface
from conjure_magic.models.offline.reading import Ask, Reading, lexicon
from conjure_magic.models.offline.reading.value import NUMERIC
from conjure_magic.models.offline.resolve import resolve
from conjure_magic.models.offline.resolved import Resolved
from conjure_magic.models.offline.sampling import Sample
from conjure_magic.models.offline.slots import json_fields
from conjure_magic.skills.ranking import rank

_FIELDS = "== fields"
_LINES = "== lines"
"""Lines that are echoed before a file's fields and before lines of it; help of scripts comes before both."""
_KNOWN_FIELDS = frozenset({"level", "levels", "severity", "severities", *lexicon.SOURCES})
"""Words for fields that every log may have: a script for logs says so where one has not."""
_NO_FIELD = "?"
"""A name that no field has: a script that knows its fields answers with their names."""


@dataclass(frozen=True)
class Part:
    """One thing that is asked for, with its command."""

    resolved: Resolved
    paths: tuple[str, ...]
    sample: Sample
    composed: Composed | None = None
    """None if it was refused."""


@dataclass(frozen=True)
class QueryPlanner:
    """What an answer is worked out from: the skill's programs and what they accept, the readings, what was run."""

    documentation: Documentation
    programs: tuple[Program, ...]
    interfaces: Mapping[str, Interface]
    conversation: Conversation
    places: Surroundings
    readings: tuple[Reading, ...]

    @property
    def query(self) -> Program | None:
        """The program that can be asked about any data."""
        return next((p for p in self.programs if self._accepts(p).answers_questions), None)

    def _accepts(self, program: Program) -> Interface:
        return self.interfaces.get(program.words, Interface(program.words))

    def suits(self) -> bool:
        """True if all readings are for this kind of program."""
        if self.query is None or not any(self._paths(reading) for reading in self.readings):
            return False
        return all(not reading.urls and self._program(reading) is not None for reading in self.readings)

    def _paths(self, reading: Reading) -> tuple[str, ...]:
        made = made_files(self.conversation)
        attached = self.conversation.now.attached
        came = {posixpath.basename(path) for path in attached}
        named = [path for path in reading.files if path not in came]
        return tuple(dict.fromkeys(absolute(path, self.places, made) for path in (*named, *attached)))

    def _program(self, reading: Reading) -> Program | None:
        if reading.ask is Ask.SUMMARY:
            others = [
                p
                for p in self.programs
                if p is not self.query
                and takes_files(self.documentation, p)
                and self._accepts(p).option("format") is None
            ]
            scores = rank(f"summary {reading.text}", [(p.words, p.about) for p in others])
            return others[scores.index(max(scores))] if others and max(scores) > 0 else None
        if reading.ask is Ask.CONVERT:
            return next((p for p in self.programs if can_convert(self._accepts(p), reading)), None)
        if reading.ask is Ask.NONE or self.query is None or not can_ask(self._accepts(self.query), reading):
            return None
        return self.query

    # ---- what to do next

    def needed(self) -> tuple[Program, ...]:
        """The programs that the readings are answered by."""
        return tuple(dict.fromkeys(filter(None, map(self._program, self.readings))))

    def sample_command(self) -> str:
        """The command that prints fields and a few lines of the files; empty if nothing new is to be seen."""
        unseen = [
            reading
            for reading in self.readings
            if _depends_on_lines(reading) and not self._seen(self._paths(reading), reading)
        ]
        if not unseen:
            return ""
        paths = self._paths(unseen[0])
        words = [word for reading in unseen if self._paths(reading) == paths for word in _wanted_words(reading)]
        command = f"echo '{_LINES}'; {sampling.command(paths, words)}"
        query = self.query
        option = self._accepts(query).option("field") if query is not None else None
        if query is not None and option is not None and not self._fields(paths):
            quoted = " ".join(map(quoted_path, paths))
            command = f"echo '{_FIELDS}'; {query.command} {quoted} {option.name} '{_NO_FIELD}'; {command}"
        return command

    def parts(self) -> list[Part]:
        """The parts of the request, each with its command or the reason why there is none."""
        return [self._part(reading) for reading in self.readings]

    def _part(self, reading: Reading) -> Part:
        paths = self._paths(reading)
        sample = self._sample(paths, reading)
        fields = self._fields(paths)
        if sample.absent:
            missing = " and ".join(say.code(path) for path in reading.files)
            return Part(Resolved(reading, refused=f"there is no file {missing}"), paths, sample)
        resolved = _checked(resolve(reading, sample, fields), fields)
        program = self._program(reading)
        if resolved.refused or program is None:
            return Part(resolved, paths, sample)
        make = convert if reading.ask is Ask.CONVERT else compose
        return Part(resolved, paths, sample, make(resolved, program, self._accepts(program), paths, sample))

    # ---- what was seen before

    def _looks(self) -> list[Step]:
        return [
            s
            for e in self.conversation.exchanges
            for s in e.steps
            if sampling.is_sampling(str(s.call.input.get("command", "")))
        ]

    def _seen(self, paths: Sequence[str], reading: Reading) -> bool:
        if not paths:
            return True
        wanted = sampling.wanted(_wanted_words(reading))
        seen: set[str] = set()
        found = False
        for step in self._looks():
            command = str(step.call.input["command"])
            if all(path in command for path in paths):
                found = True
                seen |= sampling.sampled_words(command)
        return found and wanted <= seen

    def _sample(self, paths: Sequence[str], reading: Reading) -> Sample:
        lines: dict[str, None] = {}
        absent = False
        for step in reversed(self._looks()):
            command = str(step.call.input["command"])
            if all(path in command for path in paths):
                text = say.split_status(step.result)[0].partition(f"{_LINES}\n")[2]
                sample = sampling.read_sample(command, text)
                absent = absent or sample.absent
                lines.update(dict.fromkeys(sample.lines))
        return Sample(tuple(lines), frozenset(), absent)

    def _fields(self, paths: Sequence[str]) -> tuple[str, ...]:
        for step in self._looks():
            command = str(step.call.input["command"])
            told = step.result.partition(f"{_LINES}\n")[0].partition(f"{_FIELDS}\n")[2]
            if told and all(path in command for path in paths):
                names = told.partition("there are:")[2].split("\n")[0]
                return tuple(name.strip() for name in names.split(",") if name.strip())
        return ()


def _depends_on_lines(reading: Reading) -> bool:
    """True if lines of the files tell what a word of the request stands for: a field, a pattern, a unit of time."""
    if reading.unknown or reading.ask is Ask.SUMMARY:
        return False
    named = [word for word in (*reading.value, *reading.groups) if word.lower() not in _KNOWN_FIELDS]
    said = (reading.names, reading.codes, reading.topic, reading.conditions, reading.weight, reading.value_type)
    return bool(named or any(said)) or reading.unit == "time" or reading.ask in (*NUMERIC, Ask.CONVERT, Ask.COMPARE)


def _wanted_words(reading: Reading) -> list[str]:
    """The words of a reading that are looked for in the files."""
    words = [*reading.topic, *reading.value, *reading.names]
    words += [word for text in reading.quoted for word in text.split()[:3]]
    return [word for word in words if len(word) > 1]


def _checked(found: Resolved, fields: Sequence[str]) -> Resolved:
    """The reading, refused where the files have no levels but one is asked for."""
    if not found.refused and fields and "level" not in fields:
        level_value = found.reading.value and found.reading.value[-1].lower().startswith(("level", "severit"))
        if found.reading.levels or level_value:
            return replace(found, refused="the lines of this file have no level")
    return found


# ---- the answer


def answer(parts: Sequence[Part], results: Mapping[str, Step], skill: str, shown: Mapping[str, str]) -> str:
    """The whole answer: each part's figure and table, what was not done, what ran."""
    done = [part for part in parts if part.composed is not None]
    blocks = [_part_answer(part, results, others=len(done) > 0 and len(parts) > 1) for part in parts]
    ran = [
        shown[part.composed.command] for part in done if part.composed is not None and part.composed.command in results
    ]
    if ran:
        blocks.append(f"Ran {say.listed(map(say.code, dict.fromkeys(ran)))} of **{say.plain(skill)}**.")
    return "\n\n".join(block for block in blocks if block)


def _part_answer(part: Part, results: Mapping[str, Step], *, others: bool) -> str:
    found = part.resolved
    if part.composed is None or found.refused:
        first = "I did the rest. Not done" if others else "I cannot answer this"
        return f"{first}: {found.refused or 'the skill has no command for it'}."
    step = results.get(part.composed.command)
    if step is None:
        return ""
    output, notes = say.split_status(step.result)
    if step.is_error:
        return _failed(output, notes)
    head = _not_done(found, replace(part.composed, undone=(*part.composed.undone, *_lost_columns(part, output))))
    result = report.read_result(output) if part.composed.as_json else None
    if result is not None:
        body = report.render(found, part.composed, result, part.paths, part.sample)
    else:
        made = [f"Written: {say.code(name)}." for _, name in part.composed.made]
        body = "\n\n".join((*made, say.render_output(output)))
    return "\n\n".join(text for text in (head, body, _assumed(found)) if text)


def _lost_columns(part: Part, output: str) -> list[str]:
    """The fields of a file of JSON lines that the table made of it has no column for, in words."""
    if part.resolved.reading.ask is not Ask.CONVERT or part.composed is None or "," not in output:
        return []
    columns = {name.strip().lower() for name in output.split("\n")[0].split(",")} | {"time", "ts"}
    names = dict.fromkeys(name for line in part.sample.lines for name in json_fields(line))
    lost = [name for name in names if name.lower() not in columns]
    return (
        [f"columns for {say.listed(map(say.code, lost))} in the CSV file, which the script does not make"]
        if lost
        else []
    )


def _not_done(found: Resolved, composed: Composed) -> str:
    left = [*map(say.code, found.ignored), *composed.undone]
    return f"Not done: {', '.join(left)}. I did the rest." if left else ""


def _assumed(found: Resolved) -> str:
    notes = list(found.assumed)
    notes += [f"`{wrong}` was read as `{right}`" for wrong, right in found.reading.corrected]
    if found.reading.kept:
        notes.append("what this does not say was taken from the question before; name the file to ask about all of it")
    if found.reading.or_worse and found.reading.levels == ("ERROR",) and "worse" not in found.reading.text.lower():
        notes.append("“errors” means lines at ERROR or worse; ask for “ERROR lines” to leave out worse levels")
    return f"Note: {'; '.join(notes)}." if notes else ""


def _failed(output: str, notes: Sequence[str]) -> str:
    lines = [line for line in output.split("\n") if line.strip()]
    told = next((line for line in reversed(lines) if "error:" in line), lines[-1] if lines else "")
    why = told.partition("error:")[2].strip() or told or say.listed(notes)
    return f"I could not get an answer: {say.plain(why)}."
