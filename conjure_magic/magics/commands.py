"""The commands of `%conjure`: each is a function, declared in `CONJURE` with its name, options and help."""

from __future__ import annotations

import argparse
import json
import os
from html import escape
from typing import Any

from conjure_magic.errors import UsageError
from conjure_magic.magics import authoring, command_output
from conjure_magic.magics.ask_user import ask_key
from conjure_magic.magics.command_declaration import Bundle, Command, CommandContext
from conjure_magic.magics.docker import DOCKER
from conjure_magic.magics.hosted import HOSTED
from conjure_magic.magics.options import (
    MODEL_ONCE,
    YES,
    Argument,
    argument,
    cell_parser,
    choice_arguments,
    known_sessions,
    suggest,
)
from conjure_magic.magics.sessions import check_name, merged
from conjure_magic.phrases import counted
from conjure_magic.printing import say
from conjure_magic.turn.compaction import begins_with_summary

LONGEST_TRACEBACK = 20_000
"""Characters of a traceback that are sent to the model."""
EXPLAIN = "Explain the last error of this notebook, given below: what it means, what causes it, and how to fix it."
TOPICS = ("cell", "settings")
"""Topics of `%conjure help` other than the commands."""


def show_state(context: CommandContext, options: argparse.Namespace) -> Bundle:
    """The current session and its configuration."""
    context.sessions.up_to_date()
    return command_output.render_state(context.sessions)


def use(context: CommandContext, options: argparse.Namespace) -> Bundle:
    """Choose backend, skills, model or session for the next cells."""
    choice = context.sessions.choice(options)
    given = {key: value for key, value in choice.items() if value is not None}
    if not given and options.session is None:
        wanted = ", ".join(declared.names[-1] for declared in use_arguments())
        raise UsageError(f"%conjure use needs at least one of {wanted}")
    context.sessions.pick(options)
    context.sessions.chosen = merged(context.sessions.chosen, given)
    return command_output.render_state(context.sessions)


def list_sessions(context: CommandContext, options: argparse.Namespace) -> Bundle:
    """All sessions of the kernel."""
    return command_output.render_sessions(context.sessions)


def session(context: CommandContext, options: argparse.Namespace) -> Bundle:
    """Make a session the current one."""
    if options.name is None:
        raise UsageError("%conjure session needs a NAME; %conjure sessions lists the sessions")
    known = list(context.sessions.by_name)
    context.sessions.open(check_name(options.name))
    context.sessions.current_name = options.name
    if options.name not in known:
        close = suggest(options.name, known)
        say(f"Session {options.name!r} is new{close if 'did you mean' in close else '.'}")
    return command_output.render_state(context.sessions)


def reset(context: CommandContext, options: argparse.Namespace) -> None:
    """Forget the conversation of the current session."""
    current = context.sessions.current
    turns = len(current.turns)
    current.reset()
    say(f"Session {current.name}: forgot {counted(turns, 'turn')}; its files are kept.")


def undo(context: CommandContext, options: argparse.Namespace) -> None:
    """Remove the last turns of the current session."""
    current = context.sessions.current
    current.undo(options.turns)
    removed, left = counted(options.turns, "turn"), counted(len(current.turns), "turn")
    say(f"Session {current.name}: removed {removed}, {left} left; its files are kept.")


def retry(context: CommandContext, options: argparse.Namespace) -> None:
    """Remove the last turn and run its request again."""
    current = context.sessions.current
    model = context.sessions.model(options.model)
    with current.removing_last() as turn:
        context.run(current, turn.prompt, turn.extra_text, files=turn.input_files, yes=options.yes, model=model)


def key(context: CommandContext, options: argparse.Namespace) -> Bundle:
    """Ask for an API key, and use it in all sessions."""
    typed = ask_key()
    if typed is None:
        raise UsageError("there is no way to ask for a key here; set ANTHROPIC_API_KEY before the kernel starts")
    if typed.problem:
        raise UsageError(f"{typed.problem}; nothing was changed")
    context.sessions.use_key(typed)
    return command_output.render_state(context.sessions)


def explain(context: CommandContext, options: argparse.Namespace) -> None:
    """Ask the current session about the last traceback."""
    text = context.last_traceback()
    if not text:
        raise UsageError("there is no traceback to explain: no cell has failed in this kernel")
    if len(text) > LONGEST_TRACEBACK:  # the last frames and the error matter most
        text = f"[…]\n{text[-LONGEST_TRACEBACK:]}"
    traceback = f"<traceback>\n{escape(text.strip(), quote=False)}\n</traceback>"
    context.run(context.sessions.up_to_date(), EXPLAIN, [traceback], yes=options.yes)


def skills(context: CommandContext, options: argparse.Namespace) -> Bundle:
    """List the skills of the current session."""
    current = context.sessions.current
    changes = current.skills.reload() if options.reload else None
    return command_output.render_skills(current, changes)


def validate(context: CommandContext, options: argparse.Namespace) -> Bundle:
    """Check skills."""
    return authoring.validate(options.path)


def new_skill(context: CommandContext, options: argparse.Namespace) -> Bundle:
    """Create a skill from the template."""
    return authoring.new_skill(options.name, options.into)


def pack(context: CommandContext, options: argparse.Namespace) -> Bundle:
    """Pack a skill."""
    return authoring.pack(options.path, options.into)


def files(context: CommandContext, options: argparse.Namespace) -> Bundle | None:
    """Show the files of the current session, or save copies of them."""
    current = context.sessions.current
    if options.save is None:
        return command_output.render_files(current)
    if not current.files:
        say("there are no files to save")
        return None
    gone = [file for file in current.files if file.path is not None and not os.path.lexists(file.path)]
    try:
        saved = current.download_files([file for file in current.files if file not in gone], options.save)
    except OSError as error:
        raise UsageError(f"cannot save: {error.strerror or error}: {error.filename or options.save}") from None
    lines = [f"saved {path}" for path in saved] + [f"not saved, since it was deleted: {file.name}" for file in gone]
    say("\n".join(lines))
    return None


def show_request(context: CommandContext, options: argparse.Namespace) -> Bundle:
    """Show the request that the next cell would send to the model."""
    current = context.sessions.current
    request = current.request()
    encode = getattr(current.model, "body", None)  # the request body, if the model sends one
    body = json.loads(encode(request)) if encode is not None else request.to_dict()
    whole = [message.to_dict() for message in current.conversation] if begins_with_summary(current.messages) else None
    return command_output.render_request(_indented(body), _indented(whole) if whole is not None else "")


def show_plan(context: CommandContext, options: argparse.Namespace) -> None:
    """Show how the offline model interprets the session's last request, or the given one."""
    from conjure_magic.models.offline.conversation import read_conversation
    from conjure_magic.models.offline.readings import read_in_turn, readings_of

    last = readings_of(read_conversation(context.sessions.current.messages))
    words = " ".join(options.request)
    readings = read_in_turn(words, last) if words else last
    if not readings:
        raise UsageError("this session has no request yet; give one: %conjure show plan REQUEST")
    say("\n\n".join(str(reading) for reading in readings))


def show_help(context: CommandContext, options: argparse.Namespace) -> Bundle | None:
    """List the commands, or show the help on a topic."""
    topic = " ".join(options.topic).lstrip("%").strip()
    if not topic:
        return command_output.render_help([(command.usage, command.about) for command in COMMANDS])
    if topic in ("conjure", "cell"):
        say(cell_help())
    elif topic in ("settings", "config"):
        return command_output.render_settings(context.settings)
    else:
        found = next((command for command in CONJURE.every() if command.name == topic), None)
        if found is None:
            raise UsageError(f"no help on {topic!r}{suggest(topic, _topics())}")
        say(found.help)
    return None


def cell_help() -> str:
    """The text that `%%conjure --help` prints."""
    return (
        cell_parser().format_help().strip()
        + "\n\nWrite the request below that line. {{name}} inserts the value of the kernel variable `name`;\n"
        "{{name.attribute}} and {{name[0]}} work too, and \\{{ keeps the braces.\n"
        "Relative paths in the request refer to the notebook's folder; new files go to the session's workspace.\n"
        "See also: %conjure (current state), %conjure help (commands), %conjure help settings (settings)."
    )


def _option_without_command(word: str) -> str:
    """The error for `%conjure --option`: where the option belongs."""
    option = word.partition("=")[0]
    for_use = {name for declared in use_arguments() for name in declared.names}
    for_cells = {name for action in cell_parser()._actions for name in action.option_strings}
    if option in for_use:
        return f"%conjure expects a command before options; to set them for the next cells: %conjure use {word} …"
    if option in for_cells:
        return f"{option} belongs to one cell: write %%conjure {option} (two percent signs) above the request"
    return f"%conjure has no option {option}{suggest(option, sorted(for_use | for_cells))}"


def number_of_turns(text: str) -> int:
    """Convert the argument of `undo`. Raises UsageError unless it is a whole number."""
    if not text.isdecimal():
        raise UsageError("%conjure undo [N] expects a number of turns, such as 2; without one it removes the last turn")
    return int(text)


def _topics(_: object = None) -> list[str]:
    return [*(command.name for command in COMMANDS), *TOPICS]


def _indented(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


# ---- declarations

PATH = "./skills/my-skill"


def use_arguments() -> tuple[Argument, ...]:
    """The options of `%conjure use`."""
    session = argument("--session", metavar="NAME", help="make this the current session", values=known_sessions)
    return *choice_arguments(), session


COMMANDS = (
    Command("state", "show the current session and its configuration, as %conjure alone does", show_state),
    Command("use", "choose the backend, skills, model or session for the next cells", use, use_arguments),
    Command("sessions", "list all sessions of this kernel", list_sessions),
    Command(
        "session",
        "switch to a session",
        session,
        (
            argument(
                "name",
                metavar="NAME",
                help="name of the session; created if new",
                values=known_sessions,
            ),
        ),
    ),
    Command("reset", "forget the conversation of the current session; its files are kept", reset),
    Command(
        "undo",
        "remove the last N turns",
        undo,
        (argument("turns", metavar="N", help="number of turns (default: 1)", type=number_of_turns, default=1),),
    ),
    Command("retry", "remove the last turn and run its request again", retry, (YES, MODEL_ONCE)),
    Command(
        "skills",
        "list the skills of the current session",
        skills,
        (argument("--reload", action="store_true", help="read the folders again"),),
    ),
    Command(
        "validate",
        "check skills against the Agent Skills specification",
        validate,
        (argument("path", metavar="PATH", help="a skill's folder, a folder of skills, or a package", example=PATH),),
    ),
    Command(
        "new-skill",
        "create a skill from a template with a script and a reference",
        new_skill,
        (
            argument("name", metavar="NAME", help="lowercase letters, digits and single hyphens", example="my-skill"),
            argument("--into", metavar="DIR", default="skills", help="folder to create it in (default: ./skills)"),
        ),
    ),
    Command(
        "pack",
        "check a skill and write it as a .skill package",
        pack,
        (
            argument("path", metavar="PATH", help="the skill's folder", example=PATH),
            argument("--into", metavar="DIR", default=".", help="folder for the package (default: the notebook's)"),
        ),
    ),
    Command(
        "files",
        "list the files that the current session created",
        files,
        (argument("--save", metavar="DIR", help="save copies into this folder"),),
    ),
    HOSTED,
    Command(
        "show",
        "show the next request, or how the offline model interprets one",
        commands=(
            Command("show request", "show the request that the next cell would send to the model", show_request),
            Command(
                "show plan",
                "show how the offline model interprets the last request, or the given one",
                show_plan,
                (argument("request", nargs="*", metavar="REQUEST", help="a request to use instead of the last one"),),
            ),
        ),
    ),
    DOCKER,
    Command(
        "key",
        "enter an API key, which is kept in this kernel's memory only",
        key,
        refusal="%conjure key asks for the key; do not type it into the notebook, where it would be saved",
    ),
    Command("explain", "ask the model about the last traceback", explain, (YES,)),
    Command(
        "help",
        "list the commands, or show the help on a command, the options of %%conjure, or the settings",
        show_help,
        (argument("topic", metavar="TOPIC", nargs="*", help='a command, "cell" or "settings"', values=_topics),),
    ),
)
CONJURE = Command("", "show the current session", show_state, commands=COMMANDS)
"""The root command; by itself it shows the state."""


def execute(context: CommandContext, words: list[str]) -> Bundle | None:
    """Run a line of `%conjure`. Raises UsageError with a suggestion or the list of choices."""
    if words and words[0] in ("-h", "--help"):
        words = ["help", *words[1:]]
    elif words and words[0].startswith("-"):
        raise UsageError(_option_without_command(words[0]))
    elif words and CONJURE.find(words[0]) is None:
        hint = suggest(words[0], [command.name for command in COMMANDS])
        aside = "" if "did you mean" in hint else ". To run a request, write it below a %%conjure line"
        raise UsageError(f"%conjure has no command {words[0]!r}{hint}{aside}")
    return CONJURE.execute(context, words)
