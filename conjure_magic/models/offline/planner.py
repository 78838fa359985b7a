"""The next step of a turn, as a pure function of the request: some words, and a tool call or the end."""

from __future__ import annotations

from collections.abc import Mapping
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
    unused,
)
from conjure_magic.models.offline.conversation import (
    Conversation,
    KnownSkill,
    Step,
    Surroundings,
    read_conversation,
    read_system,
)
from conjure_magic.models.offline.documents import read_documentation
from conjure_magic.models.offline.explain import explain
from conjure_magic.models.offline.fill import Material
from conjure_magic.models.offline.mentions import read_mentions
from conjure_magic.models.offline.native import fill_schema, native_tools, runs_code


@dataclass(frozen=True)
class Move:
    """What the model says next, and the call that goes with it."""

    text: str
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
    tools = [(tool.name.replace("_", " "), tool.description) for tool in at.native]
    skills = at.places.skills if at.offered & {"view", "bash_tool"} else ()
    both = [*tools, *((skill.name, skill.description) for skill in skills)]
    index = best_fit(at.prompt, both)
    if index is not None and index < len(tools):
        return _call_native(at, at.native[index])
    skill = skills[index - len(tools)] if index is not None else choose_skill(at.conversation, skills)
    if skill is None:
        return _nothing_fits(at)
    sentence = f"The skill **{say.plain(skill.name)}** fits. I read how it is used."
    if "view" in at.offered:
        return Move(sentence, "view", {"path": skill.location})
    return Move(sentence, "bash_tool", {"command": f"cat -- {say.word(skill.location)}"})


def _nothing_fits(at: Situation) -> Move:
    native = [KnownSkill(tool.name, tool.description, "") for tool in at.native]
    known = [*at.places.skills, *native]
    if not known:
        text = "I can do nothing here: there are no skills, and without a skill I have nothing to follow."
        return Move(f"{text}\n\n{say.label('It has answered nothing: name a folder of skills for it.')}")
    text = "None of the skills that I know fits this request, so I ran nothing. There are:\n\n" + say.skill_list(known)
    text += "\n\nA request that names one of these, and the file or address to work on, is something I can follow."
    return Move(f"{text}\n\n{say.label('It has answered nothing: it only follows what skills document.')}")


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
    skill = _skill_in_use(at)
    if last.call.name not in ("view", "bash_tool"):
        return _answer_native(at, last)
    if skill is None:
        return Move(f"{say.render_output(last.result)}\n\n{say.label('It does not know what this call was for.')}")
    reading = _reading(at, skill)
    if last is reading:
        return _unreadable(skill, last) if last.is_error else _run(at, skill, last)
    return _after_run(at, skill, reading, last)


def _reads(step: Step, skill: KnownSkill) -> bool:
    return step.path == skill.location or step.call.input.get("command") == f"cat -- {say.word(skill.location)}"


def _reading(at: Situation, skill: KnownSkill) -> Step:
    return next(step for step in at.conversation.now.steps if _reads(step, skill))


def _skill_in_use(at: Situation) -> KnownSkill | None:
    steps = at.conversation.now.steps
    return next((skill for step in steps for skill in at.places.skills if _reads(step, skill)), None)


def _choose(at: Situation, skill: KnownSkill, reading: Step) -> tuple[Choice | None, Material]:
    given = material(at.conversation, at.places, skill.directory, reading.result)
    return choose_command(read_documentation(reading.result), given, at.prompt), given


def _run(at: Situation, skill: KnownSkill, reading: Step) -> Move:
    """Run the documented command that fits, or say what it lacks."""
    choice, _ = _choose(at, skill, reading)
    name = f"**{say.plain(skill.name)}**"
    if choice is None:
        text = f"The skill {name} fits, but its SKILL.md documents no command that I could run."
        return Move(f"{text}\n\n{say.label('It has answered nothing.')}")
    shown = say.shown_command(choice.filled.command, at.places, skill)
    if choice.filled.missing:
        lacking = say.listed(map(say.code, dict.fromkeys(choice.filled.missing)))
        text = f"I ran nothing: the command that fits needs {lacking}, which your request does not name. It would have"
        text += f" been\n\n{say.fenced(shown, 'bash')}"
        return Move(f"{text}\n\n{say.label('It has answered nothing: name what is missing and ask again.')}")
    if "bash_tool" not in at.offered:
        text = f"I can run nothing here: there is no `bash_tool`. The skill {name} would have had me run\n\n"
        return Move(f"{text}{say.fenced(shown, 'bash')}\n\n{say.label('It has answered nothing.')}")
    return Move(f"I run {say.code(shown)}.", "bash_tool", {"command": choice.filled.command})


def _after_run(at: Situation, skill: KnownSkill, reading: Step, last: Step) -> Move:
    """Answer from the output; after a failure, try once more what is simpler."""
    choice, given = _choose(at, skill, reading)
    runs = [step for step in at.conversation.now.steps if step is not reading]
    output, notes = say.split_status(last.result)
    failed_by_itself = last.is_error and any(note.startswith("exit code") for note in notes)
    if failed_by_itself and len(runs) == 1 and choice is not None and is_wrong_use(output):
        again = simpler(choice, read_documentation(reading.result), given)
        if again is not None:
            shown = say.code(say.shown_command(again, at.places, skill))
            return Move(f"That failed. I try once more, more simply: {shown}.", "bash_tool", {"command": again})
    left = unused(given, choice.filled, at.prompt) if choice is not None else ()
    command = say.shown_command(str(last.call.input.get("command", "")), at.places, skill)
    if last.is_error:
        why = say.listed(notes) or "an error"
        text = f"That did not work: {say.code(command)} ended with {say.plain(why)}.\n\n{say.render_output(output)}"
        limit = "It has no other way to try." if len(runs) < 2 else "It tried twice and has no other way."
        return Move(f"{text}\n\n{say.label(limit, say.left_out(left))}")
    text = f"{say.render_output(output)}\n\n"
    first = runs[0]
    if first is not last:
        tried = say.shown_command(str(first.call.input.get("command", "")), at.places, skill)
        text += f"(My first try, {say.code(tried)}, failed.)\n\n"
    return Move(f"{text}{say.label(say.ran(left))}")


def _refused(at: Situation, last: Step) -> Move:
    command = str(last.call.input.get("command", last.call.name))
    reason = last.result.partition("did not run.")[2].strip()
    shown = say.shown_command(command, at.places, _skill_in_use(at))
    text = f"I stopped: this was not allowed to run.\n\n{say.fenced(shown, 'bash')}"
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
