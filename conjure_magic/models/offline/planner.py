"""The next step of a turn, as a pure function of the request: some words, and a tool call or the end."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conjure_magic.models.base import Request, ToolDefinition
from conjure_magic.models.offline import answer as say
from conjure_magic.models.offline.choose import (
    Choice,
    best_fit,
    choose_command,
    choose_skill,
    is_wrong_use,
    material,
    simpler,
    skill_read_in,
    unaccounted,
    unused,
)
from conjure_magic.models.offline.compose import Program, programs
from conjure_magic.models.offline.conversation import (
    READS,
    Conversation,
    KnownSkill,
    Step,
    Surroundings,
    read_conversation,
    read_system,
)
from conjure_magic.models.offline.documents import read_documentation, without_line_numbers
from conjure_magic.models.offline.examples import examples, files_in, frame_examples, skill_for
from conjure_magic.models.offline.explain import explain
from conjure_magic.models.offline.fill_template import Material
from conjure_magic.models.offline.frames import frame_call, frame_meant, has_frame_tools
from conjure_magic.models.offline.interface import Interface, documented_interfaces
from conjure_magic.models.offline.mentions import read_mentions
from conjure_magic.models.offline.native import fill_schema, native_tools, runs_code
from conjure_magic.models.offline.preparation import Scripts
from conjure_magic.models.offline.query import QueryPlanner
from conjure_magic.models.offline.query import answer as answer_parts
from conjure_magic.models.offline.reading import Ask, changes_last, read_request
from conjure_magic.models.offline.reading.lexicon import UNANSWERABLE
from conjure_magic.models.offline.readings import readings_of
from conjure_magic.models.offline.sampling import is_sampling
from conjure_magic.models.offline.weights import ENOUGH_UNDERSTOOD

MOST_PROGRAMS = 8
"""Scripts and subcommands of a skill that are considered."""
FIRST_LINES = 40
"""Lines of a file that are looked at to find requests that work on it."""
MOST_LOOKS = 4
"""Looks at files in a turn."""


@dataclass(frozen=True)
class Move:
    """What the model says next, and the call that goes with it."""

    text: str
    """Empty where the call says it all."""
    tool: str = ""
    """Name of the tool to call; empty ends the turn."""
    input: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Situation:
    """The request, read."""

    conversation: Conversation
    places: Surroundings
    offered: frozenset[str]
    native: tuple[ToolDefinition, ...]

    @property
    def prompt(self) -> str:
        """What is asked."""
        return self.conversation.now.prompt


def plan(request: Request) -> tuple[Move, str]:
    """The next move, and the id for its tool call."""
    conversation = read_conversation(request.messages)
    places = read_system(request.system)
    situation = Situation(conversation, places, request.tool_names, native_tools(request.tools))
    steps = conversation.now.steps
    return (_next(situation, steps[-1]) if steps else _begin(situation)), conversation.next_id


# ---- the first round


def _begin(at: Situation) -> Move:
    """Choose a skill or a native tool; say so honestly if none fits."""
    if at.conversation.now.traceback:
        return Move(explain(at.conversation.now.traceback))
    runner = runs_code(at.native, read_mentions(at.prompt))
    if runner is not None:
        return _call_native(at, at.native[runner])
    if (answered := _about_frame(at)) is not None:
        return answered
    tools = [(tool.name.replace("_", " "), tool.description) for tool in at.native]
    skills = at.places.skills if at.offered & {"view", "bash_tool"} else ()
    both = [*tools, *((skill.name, skill.description) for skill in skills)]
    index = best_fit(at.prompt, both)
    if index is not None and index < len(tools):
        return _call_native(at, at.native[index])
    skill = _choose_skill(at)
    if skill is None:
        return _nothing_fits(at)
    known = _known_text(at, skill)
    if known:
        return _work(at, skill, known)
    sentence = f"The skill **{say.plain(skill.name)}** fits. I read how it is used."
    if "view" in at.offered:
        return Move(sentence, "view", {"path": skill.location})
    return Move(sentence, "bash_tool", {"command": f"{READS}{say.word(skill.location)}"})


def _about_frame(at: Situation) -> Move | None:
    """The call that answers a question about a DataFrame; None for any other request."""
    if not has_frame_tools(at.native) or runs_code(at.native, read_mentions(at.prompt)) is not None:
        return None
    readings = readings_of(at.conversation, _skill_names(at))
    frame = frame_meant(at.prompt, at.conversation.now.variables)
    came = at.conversation.now.attached
    if frame is None and changes_last(at.prompt, read_request(at.prompt)[0]):
        earlier = (frame_meant(turn.prompt, turn.variables) for turn in at.conversation.earlier)
        frame = next(filter(None, earlier), None)
    if frame is None or any(reading.urls or set(reading.files) - set(came) for reading in readings):
        return None
    try:
        name, arguments = frame_call(at.native, frame, readings)
    except ValueError as why:
        about = next((text for turn in at.conversation.exchanges[::-1] for text in turn.about(frame)), "")
        text = f"I cannot answer this about {say.code(frame)}: {why}. I called nothing."
        return Move(f"{text}\n\n{say.offered(frame_examples(frame, about))}\n\n{say.label()}")
    return Move(f"I call **{say.plain(name)}**.", name, arguments)


def _choose_skill(at: Situation) -> KnownSkill | None:
    """The skill for the request: the one that it names, the best fitting, or the one in use if it follows up."""
    skills = at.places.skills if at.offered & {"view", "bash_tool"} else ()
    named = [
        skill
        for skill in skills
        if re.search(rf"(?<![\w-]){re.escape(skill.name)}(?![\w-])", at.prompt.replace(" ", "-"))
    ]
    if len(named) == 1:
        return named[0]
    before = next(filter(None, (skill_read_in(turn, skills) for turn in at.conversation.earlier)), None)
    if before is not None and at.conversation.earlier and changes_last(at.prompt, read_request(at.prompt)[-1]):
        return before
    fitting = choose_skill(at.conversation, skills)
    if fitting is None and before is not None and _is_understood(at):
        return before
    return fitting


def _is_understood(at: Situation) -> bool:
    """True if the request asks for something of the files that the turns before were about."""
    readings = readings_of(at.conversation, _skill_names(at))
    return all(reading.files and reading.ask is not Ask.NONE and not reading.unknown for reading in readings)


def _skill_names(at: Situation) -> tuple[str, ...]:
    return tuple(skill.name for skill in at.places.skills)


def _known_text(at: Situation, skill: KnownSkill) -> str:
    """The skill's SKILL.md, if it was read in this conversation."""
    steps = [step for exchange in at.conversation.exchanges for step in exchange.steps]
    return next((step.result for step in reversed(steps) if _reads(step, skill) and not step.is_error), "")


def _nothing_fits(at: Situation) -> Move:
    native = [KnownSkill(tool.name, tool.description, "") for tool in at.native]
    known = [*at.places.skills, *native]
    if not known:
        text = "I cannot answer this: no skills are loaded, and I only follow what skills document."
        return Move(f"{text}\n\n{say.label('It has answered nothing: name a folder of skills for it.')}")
    if "view" in at.offered and at.places.skills and at.places.input_folder:
        listing = next((step for step in at.conversation.now.steps if step.path == at.places.input_folder), None)
        if listing is None:
            words = "None of the skills fits. I list the files."
            return Move(words, "view", {"path": at.places.input_folder})
        files = files_in(listing.result, at.places.workspace) if not listing.is_error else []
        fitting = skill_for(files, at.places.skills)
        if fitting is not None and not any(_reads(step, fitting[0]) for step in _all_steps(at)):
            return Move("I read what a skill for these files can do.", "view", {"path": fitting[0].location})
        if fitting is not None and (path := _first_look(at, fitting[1])):
            return Move("I look at the first lines of a file.", "view", {"path": path, "view_range": [1, FIRST_LINES]})
        lines = _first_lines(at, fitting[1]) if fitting is not None else ()
        offered = examples(_known_text(at, fitting[0]), fitting[1], lines) if fitting is not None else []
        nothing = not listing.is_error and not files
    else:
        offered, nothing = [], False
    text = "None of the skills fits this request, so I ran nothing. The skills are:\n\n" + say.skill_list(known)
    if offered:
        text += f"\n\n{say.offered(offered)}"
    elif nothing:
        text += "\n\nThere are no files in the folder: put one there, and name it in the request."
    else:
        text += "\n\nA request that names one of these, and the file or address to work on, will work."
    return Move(f"{text}\n\n{say.label('It has answered nothing: it only follows what skills document.')}")


def _first_look(at: Situation, file: str) -> str:
    """The path of a file of the folder that was not looked at yet; empty if it was."""
    path = f"{at.places.input_folder.rstrip('/')}/{file}"
    return "" if any(step.path == path for step in _all_steps(at)) else path


def _first_lines(at: Situation, file: str) -> tuple[str, ...]:
    path = f"{at.places.input_folder.rstrip('/')}/{file}"
    step = next((step for step in reversed(_all_steps(at)) if step.path == path and not step.is_error), None)
    return tuple(without_line_numbers(step.result).splitlines()) if step is not None else ()


def _call_native(at: Situation, tool: ToolDefinition) -> Move:
    given = material(at.conversation, at.places, "", tool.description)
    arguments = fill_schema(tool, given, at.prompt)
    if arguments.missing:
        lacking = say.listed(map(say.code, dict.fromkeys(arguments.missing)))
        text = f"The tool **{say.plain(tool.name)}** fits, but your request lacks its {lacking}. I called nothing."
        return Move(f"{text}\n\n{say.label('It has answered nothing: name what is missing.')}")
    return Move(f"The tool **{say.plain(tool.name)}** fits. I call it.", tool.name, arguments.values)


# ---- later rounds


def _next(at: Situation, last: Step) -> Move:
    """What follows from the last tool call."""
    if say.was_refused(last.result) and last.is_error:
        return _refused(at, last)
    if any(step.path == at.places.input_folder for step in at.conversation.now.steps if step.path):
        return _nothing_fits(at)
    skill = _skill_in_use(at) or _choose_skill(at)
    if last.call.name not in ("view", "bash_tool"):
        return _answer_native(at, last)
    if skill is None:
        return Move(f"{say.render_output(last.result)}\n\n{say.label('It could not use this output.')}")
    if _reads(last, skill) and last.is_error:
        return _unreadable(skill, last)
    text = _known_text(at, skill)
    if not text:
        return Move(f"{say.render_output(last.result)}\n\n{say.label('It could not use this output.')}")
    return _work(at, skill, text)


def _work(at: Situation, skill: KnownSkill, text: str) -> Move:
    """What comes next once the skill is read: read its script's options, look at the files, run, answer."""
    documentation = read_documentation(text)
    known = programs(documentation, skill.directory)[:MOST_PROGRAMS]
    scripts = Scripts(_all_steps(at), at.offered)
    documented = documented_interfaces(documentation.commands, [program.words for program in known])
    interfaces = scripts.interfaces(known, documented)
    readings = readings_of(at.conversation, _skill_names(at))
    planner = QueryPlanner(documentation, known, interfaces, at.conversation, at.places, readings)
    asked = planner.suits()
    wanted = planner.needed() if asked else _needed(known, _choose(at, skill, text)[0])
    if "bash_tool" in at.offered and (look := scripts.next_look(wanted)) is not None:
        return Move("", look.tool, look.input)
    if asked and "bash_tool" in at.offered:
        return _question(at, skill, planner)
    runs = [step for step in at.conversation.now.steps if not step.prepares]
    if planner.query is not None and not runs:
        choice, given = _choose(at, skill, text)
        if choice is not None and (left := _left(at, skill, choice, given)[0]):
            return _not_understood(at, skill, left)
    if runs:
        return _after_run(at, skill, text, runs)
    return _run(at, skill, text, next((interfaces[program.words] for program in wanted), None))


def _needed(known: Sequence[Program], choice: Choice | None) -> tuple[Program, ...]:
    """The program of a documented command."""
    program = choice.template.program if choice is not None else ""
    return tuple(each for each in known if f"{program} ".startswith(f"{each.words} "))[:1]


def _not_understood(at: Situation, skill: KnownSkill, left: Sequence[str]) -> Move:
    text = f"I cannot answer this: I do not understand {say.listed(map(say.code, left[:8]))}. I ran nothing."
    return Move(f"{text}\n\n{say.label()}")


def _all_steps(at: Situation) -> list[Step]:
    return [step for exchange in at.conversation.exchanges for step in exchange.steps]


def _question(at: Situation, skill: KnownSkill, planner: QueryPlanner) -> Move:
    """Look at the files, run a command for each part of the request, answer."""
    steps = [step for step in at.conversation.now.steps if step.call.name == "bash_tool"]
    looks = [step for step in steps if is_sampling(str(step.call.input["command"]))]
    if (command := planner.sample_command()) and len(looks) < MOST_LOOKS:
        words = "I look at a few lines of each kind, to see where the values stand."
        return Move(words, "bash_tool", {"command": command})
    parts = planner.parts()
    results = {str(step.call.input["command"]): step for step in steps}
    for part in parts:
        if part.composed is not None and part.composed.command not in results:
            return Move("", "bash_tool", {"command": part.composed.command})
    commands = [part.composed.command for part in parts if part.composed is not None]
    text = answer_parts(parts, results, skill.name, {c: say.shown_command(c, at.places, skill) for c in commands})
    return Move(f"{text}\n\n{say.label()}")


def _reads(step: Step, skill: KnownSkill) -> bool:
    return step.reads(skill.location)


def _skill_in_use(at: Situation) -> KnownSkill | None:
    steps = at.conversation.now.steps
    return next((skill for step in steps for skill in at.places.skills if _reads(step, skill)), None)


def _choose(at: Situation, skill: KnownSkill, text: str) -> tuple[Choice | None, Material]:
    given = material(at.conversation, at.places, skill.directory, text)
    return choose_command(read_documentation(text), given, at.prompt), given


def _run(at: Situation, skill: KnownSkill, text: str, accepts: Interface | None) -> Move:
    """Run the documented command that fits, or say what it lacks."""
    choice, given = _choose(at, skill, text)
    name = f"**{say.plain(skill.name)}**"
    if choice is None:
        text = f"The skill {name} fits, but its SKILL.md documents no command that I could run."
        return Move(f"{text}\n\n{say.label('It has answered nothing.')}")
    shown = say.shown_command(choice.filled.command, at.places, skill)
    left, total = _left(at, skill, choice, given)
    if _too_much_left(left, total):
        text = f"I ran nothing: I do not understand {say.listed(map(say.code, left[:8]))} in this request."
        text += f" The nearest command of {name} would be\n\n{say.fenced(shown, 'bash')}"
        return Move(f"{text}\n\n{say.label()}")
    if choice.filled.missing:
        lacking = say.listed(map(say.code, dict.fromkeys(choice.filled.missing)))
        text = f"I ran nothing: the command that fits needs {lacking}, which your request does not name. It would have"
        text += f" been\n\n{say.fenced(shown, 'bash')}"
        return Move(f"{text}\n\n{say.label('It has answered nothing: name what is missing and ask again.')}")
    if accepts is not None and (refused := accepts.refused(choice.filled.command)):
        text = f"I ran nothing: the SKILL.md of {name} documents this command, but its script does not accept"
        text += f" {say.listed(map(say.code, refused))}.\n\n{say.fenced(shown, 'bash')}"
        return Move(f"{text}\n\n{say.label('It has answered nothing.')}")
    if "bash_tool" not in at.offered:
        text = "I cannot run commands here: the tool `bash_tool` is not available. "
        text += f"The skill {name} documents this command:\n\n"
        return Move(f"{text}{say.fenced(shown, 'bash')}\n\n{say.label('It has answered nothing.')}")
    return Move("", "bash_tool", {"command": choice.filled.command})


def _left(at: Situation, skill: KnownSkill, choice: Choice, given: Material) -> tuple[tuple[str, ...], int]:
    return unaccounted(at.prompt, given, choice, f"{skill.name} {skill.description}")


def _too_much_left(left: Sequence[str], total: int) -> bool:
    """True if a request holds too many words that nothing documents, or one that asks for what rules cannot do."""
    if any(word.lower() in UNANSWERABLE for word in left):
        return True
    return total > 0 and len(left) > (1 - ENOUGH_UNDERSTOOD) * total


def _after_run(at: Situation, skill: KnownSkill, document: str, runs: Sequence[Step]) -> Move:
    """Answer from the output; after a failure, try once more what is simpler."""
    choice, given = _choose(at, skill, document)
    last = runs[-1]
    output, notes = say.split_status(last.result)
    failed_by_itself = last.is_error and any(note.startswith("exit code") for note in notes)
    if failed_by_itself and len(runs) == 1 and choice is not None and is_wrong_use(output):
        again = simpler(choice, read_documentation(document), given)
        if again is not None:
            shown = say.code(say.shown_command(again, at.places, skill))
            return Move(f"That failed. I try once more, more simply: {shown}.", "bash_tool", {"command": again})
    left = unused(given, choice.filled, at.prompt) if choice is not None else ()
    if choice is not None:
        left = tuple(dict.fromkeys((*left, *_left(at, skill, choice, given)[0])))
    command = say.shown_command(str(last.call.input.get("command", "")), at.places, skill)
    if last.is_error:
        why = say.listed(notes) or "an error"
        text = f"That did not work: {say.code(command)} ended with {say.plain(why)}.\n\n{say.render_output(output)}"
        limit = "It has no other way to try." if len(runs) < 2 else "It tried twice and has no other way."
        return Move(f"{text}\n\n{say.label(limit, say.left_out(left))}")
    text = f"{say.left_out(left)}\n\n" if left else ""
    text += f"{say.render_output(output)}\n\n"
    first = runs[0]
    if first is not last:
        tried = say.shown_command(str(first.call.input.get("command", "")), at.places, skill)
        text += f"(My first try, {say.code(tried)}, failed.)\n\n"
    return Move(f"{text}Ran {say.code(command)} of **{say.plain(skill.name)}**.\n\n{say.label()}")


def _refused(at: Situation, last: Step) -> Move:
    command = str(last.call.input.get("command", last.call.name))
    reason = last.result.partition("did not run.")[2].strip()
    shown = say.shown_command(command, at.places, _skill_in_use(at))
    text = f"I stopped, because this command was not allowed to run.\n\n{say.fenced(shown, 'bash')}"
    if reason:
        text += f"\n\n{say.plain(reason)}"
    return Move(f"{text}\n\n{say.label('It has answered nothing.')}")


def _unreadable(skill: KnownSkill, last: Step) -> Move:
    text = f"I could not read the SKILL.md of **{say.plain(skill.name)}**:\n\n{say.render_output(last.result)}"
    return Move(f"{text}\n\n{say.label('It has answered nothing.')}")


def _answer_native(at: Situation, last: Step) -> Move:
    output, notes = say.split_status(last.result)
    name = f"**{say.plain(last.call.name)}**"
    tool = next((tool for tool in at.native if tool.name == last.call.name), None)
    tool = None if tool is not None and "frame" in last.call.input else tool  # nothing of such a request is left over
    left: tuple[str, ...] = ()
    if tool is not None:
        given = material(at.conversation, at.places, "", tool.description)
        arguments = fill_schema(tool, given, at.prompt)
        numbers = tuple(number.text for number in given.mentions.numbers)
        named = (*given.mentions.inputs, *given.mentions.urls, *numbers, *given.mentions.quoted)
        left = tuple(text for text in named if text not in arguments.used)
    if last.is_error:
        told = "\n".join((output, *notes))
        text = f"The tool {name} failed:\n\n{say.render_output(told)}"
        return Move(f"{text}\n\n{say.label('It has no other way to try.', say.left_out(left))}")
    return Move(f"{say.render_output(output)}\n\n{say.label(say.ran_tool(last.call.name, left))}")
