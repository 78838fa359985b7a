"""The commands of `%conjure`, one function each: words typed after the name in, a bundle to show out (or None)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

from conjure_magic.errors import UsageError
from conjure_magic.magics import authoring, state
from conjure_magic.magics.asking import ask_key
from conjure_magic.magics.hosted import COMMANDS as HOSTED
from conjure_magic.magics.hosted import hosted as show_hosted
from conjure_magic.magics.options import add_choice, cell_parser, command_parser, read_words, suggest
from conjure_magic.magics.sessions import check_name, merged
from conjure_magic.printing import say
from conjure_magic.turn.compaction import begins_with_summary

if TYPE_CHECKING:
    from pathlib import Path

    from conjure_magic.magics.sessions import Sessions
    from conjure_magic.session import Session
    from conjure_magic.settings import Settings

Bundle = dict[str, Any]
LONGEST_TRACEBACK = 20_000
"""Characters of a traceback that go to the model."""
EXPLAIN = "Explain the last error of this notebook, given below: what it means, where it comes from, how to mend it."


class Front(Protocol):
    """What a command may use of the magics at work."""

    sessions: Sessions
    settings: Settings

    def run(
        self,
        session: Session,
        prompt: str,
        attachments: list[str] | None = None,
        *,
        attach: Sequence[str | Path] = (),
        yes: bool = False,
    ) -> None:
        """Run a turn with its display."""

    def last_traceback(self) -> str:
        """The last traceback of the kernel as plain text; empty if there is none."""


Command = Callable[["Front", Sequence[str]], Bundle | None]


def show_state(front: Front, words: Sequence[str]) -> Bundle | None:
    """the current session, and what it works with"""
    _no_words("state", words)
    front.sessions.up_to_date()
    return state.render_state(front.sessions)


def use(front: Front, words: Sequence[str]) -> Bundle | None:
    """choose backend, skills, model or session for the next cells"""
    parser = command_parser("use", "Choose for the next cells.")
    add_choice(parser)
    parser.add_argument("--session", metavar="NAME", help="make this the current session")
    options = read_words(parser, words)
    if options is None:
        return None
    choice = front.sessions.choice(options)
    given = {key: value for key, value in choice.items() if value is not None}
    if not given and options.session is None:
        raise UsageError("%conjure use wants at least one of --backend, --skills, --model, --image, --session")
    front.sessions.pick(options)
    front.sessions.chosen = merged(front.sessions.chosen, given)
    return state.render_state(front.sessions)


def list_sessions(front: Front, words: Sequence[str]) -> Bundle | None:
    """all sessions of this kernel"""
    _no_words("sessions", words)
    return state.render_sessions(front.sessions)


def session(front: Front, words: Sequence[str]) -> Bundle | None:
    """make a session the current one: session NAME"""
    if len(words) != 1:
        raise UsageError("%conjure session NAME wants one name; %conjure sessions lists them")
    front.sessions.open(check_name(words[0]))
    front.sessions.current_name = words[0]
    return state.render_state(front.sessions)


def reset(front: Front, words: Sequence[str]) -> None:
    """forget the conversation of the current session; its files stay"""
    _no_words("reset", words)
    current = front.sessions.current
    turns = len(current.turns)
    current.reset()
    say(f"Session {current.name}: {_turns(turns)} forgotten; files stay.")


def undo(front: Front, words: Sequence[str]) -> None:
    """take the last N turns back: undo [N]"""
    if len(words) > 1 or (words and not words[0].isdecimal()):
        raise UsageError("%conjure undo [N] wants a number of turns, such as 2; without one it takes back the last")
    count = int(words[0]) if words else 1
    current = front.sessions.current
    current.undo(count)
    say(f"Session {current.name}: {_turns(count)} taken back, {_turns(len(current.turns))} left; files stay.")


def retry(front: Front, words: Sequence[str]) -> None:
    """take the last turn back and run it again: retry [--yes]"""
    parser = command_parser("retry", "Take the last turn back and run its request again.")
    parser.add_argument("--yes", action="store_true", help="let commands run without asking")
    options = read_words(parser, words)
    if options is None:
        return
    current = front.sessions.current
    with current.taking_back() as turn:
        front.run(current, turn.prompt, list(turn.attachments), attach=turn.attached, yes=options.yes)


def key(front: Front, words: Sequence[str]) -> Bundle | None:
    """type an API key; it is kept in this kernel's memory only"""
    if words:
        raise UsageError("%conjure key asks for the key; do not type it into the notebook, which would keep it")
    typed = ask_key()
    if typed is None:
        raise UsageError("nobody can be asked for a key here; set ANTHROPIC_API_KEY before the kernel starts")
    if typed.problem:
        raise UsageError(f"{typed.problem}; nothing has changed")
    front.sessions.use_key(typed)
    return state.render_state(front.sessions)


def explain(front: Front, words: Sequence[str]) -> None:
    """ask about the last traceback: explain [--yes]"""
    parser = command_parser("explain", "Ask the current session about the last traceback.")
    parser.add_argument("--yes", action="store_true", help="let commands run without asking")
    options = read_words(parser, words)
    if options is None:
        return
    text = front.last_traceback()
    if not text:
        raise UsageError("there is no traceback to explain: no cell has failed in this kernel")
    if len(text) > LONGEST_TRACEBACK:  # the last frames and the error say most
        text = f"[…]\n{text[-LONGEST_TRACEBACK:]}"
    attached = f"<traceback>\n{escape(text.strip(), quote=False)}\n</traceback>"
    front.run(front.sessions.up_to_date(), EXPLAIN, [attached], yes=options.yes)


def skills(front: Front, words: Sequence[str]) -> Bundle | None:
    """the skills that the current session knows: skills [--reload]"""
    parser = command_parser("skills", "Show the skills that the current session knows.")
    parser.add_argument("--reload", action="store_true", help="read the folders again")
    options = read_words(parser, words)
    if options is None:
        return None
    current = front.sessions.current
    changes = current.skills.reload() if options.reload else None
    return state.render_skills(current, changes)


def validate(front: Front, words: Sequence[str]) -> Bundle | None:
    """check a skill, a folder of skills or a .skill package by the specification: validate PATH"""
    parser = command_parser("validate", "Check skills by every rule of the Agent Skills specification.")
    parser.add_argument("path", metavar="PATH", nargs="?", help="a skill's folder, a folder of skills, or a package")
    options = read_words(parser, words)
    if options is None:
        return None
    _needs("validate", "PATH, such as ./skills/my-skill", options.path)
    return authoring.validate(options.path)


def new_skill(front: Front, words: Sequence[str]) -> Bundle | None:
    """write a skill to start from: new-skill NAME [--into DIR]"""
    parser = command_parser("new-skill", "Write a skill to start from: valid, with a script and a reference.")
    parser.add_argument("name", metavar="NAME", nargs="?", help="lowercase letters, digits and single hyphens")
    parser.add_argument("--into", metavar="DIR", default="skills", help="the folder of skills it goes to: ./skills")
    options = read_words(parser, words)
    if options is None:
        return None
    _needs("new-skill", "NAME, such as my-skill", options.name)
    return authoring.new_skill(options.name, options.into)


def pack(front: Front, words: Sequence[str]) -> Bundle | None:
    """check a skill and write it as a .skill package: pack PATH [--into DIR]"""
    parser = command_parser("pack", "Check a skill and write it as a .skill package.")
    parser.add_argument("path", metavar="PATH", nargs="?", help="the skill's folder")
    parser.add_argument("--into", metavar="DIR", default=".", help="where the package goes: the notebook's folder")
    options = read_words(parser, words)
    if options is None:
        return None
    _needs("pack", "PATH, such as ./skills/my-skill", options.path)
    return authoring.pack(options.path, options.into)


def files(front: Front, words: Sequence[str]) -> Bundle | None:
    """the files that the current session made: files [--save DIR]"""
    parser = command_parser("files", "Show the files that the current session made.")
    parser.add_argument("--save", metavar="DIR", help="save copies into this folder")
    options = read_words(parser, words)
    if options is None:
        return None
    current = front.sessions.current
    if options.save is not None and not current.files:
        say("there are no files to save")
        return None
    if options.save is not None:
        try:
            saved = current.download_files(current.files, options.save)
        except OSError as error:
            raise UsageError(f"cannot save: {error.strerror or error}: {error.filename or options.save}") from None
        say("\n".join(f"saved {path}" for path in saved))
        return None
    return state.render_files(current)


def hosted(front: Front, words: Sequence[str]) -> Bundle | None:
    """skills and files at Anthropic: hosted [skills|files|versions ID|upload PATH|download ID…|delete ID…]"""
    return show_hosted(front.sessions, words)


def show(front: Front, words: Sequence[str]) -> Bundle | None:
    """what the next cell would send to the model: show request"""
    if list(words) != ["request"]:
        raise UsageError("%conjure show request is what can be shown")
    current = front.sessions.current
    request = current.request()
    encode = getattr(current.model, "body", None)  # what goes over the wire, if anything does
    body = json.loads(encode(request)) if encode is not None else request.to_dict()
    whole = [message.to_dict() for message in current.conversation] if begins_with_summary(current.messages) else None
    return state.render_request(_indented(body), _indented(whole) if whole is not None else "")


def docker(front: Front, words: Sequence[str]) -> Bundle | None:
    """the Docker engine, the image, the containers, their bounds: docker [build]"""
    from conjure_magic.magics import docker as room

    return room.docker(front.settings, words, str(front.sessions.chosen.get("options", {}).get("image") or ""))


def _indented(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def show_help(front: Front, words: Sequence[str]) -> Bundle | None:
    """this list, or more on one command: help [TOPIC]"""
    topic = " ".join(words).removeprefix("%").removeprefix("%").strip()
    if topic in ("conjure", "cell"):
        say(cell_help())
    elif topic in ("settings", "config"):
        return state.render_settings(front.settings)
    elif topic:
        command = COMMANDS.get(topic)
        if command is None:
            raise UsageError(f"there is no help on {topic!r}{suggest(topic, [*COMMANDS, 'cell', 'settings'])}")
        if has_options(topic):
            return command(front, ["--help"])
        say(f"%conjure {topic}: {command.__doc__}")
    else:
        return state.render_help({name: command.__doc__ or "" for name, command in COMMANDS.items()})
    return None


COMMANDS: dict[str, Command] = {
    "state": show_state,
    "use": use,
    "sessions": list_sessions,
    "session": session,
    "reset": reset,
    "undo": undo,
    "retry": retry,
    "skills": skills,
    "validate": validate,
    "new-skill": new_skill,
    "pack": pack,
    "files": files,
    "hosted": hosted,
    "show": show,
    "docker": docker,
    "key": key,
    "explain": explain,
    "help": show_help,
}


FOLLOW: dict[str, list[str]] = {
    "use": ["--backend", "--skills", "--model", "--image", "--session", "--help"],
    "skills": ["--reload", "--help"],
    "validate": ["--help"],
    "new-skill": ["--into", "--help"],
    "pack": ["--into", "--help"],
    "files": ["--save", "--help"],
    "hosted": [*HOSTED, "--help"],
    "show": ["request"],
    "docker": ["build", "--help"],
    "docker build": ["--base", "--ca", "--index", "--apt", "--packages", "--image", "--fresh", "--help"],
    "retry": ["--yes", "--help"],
    "explain": ["--yes", "--help"],
    "help": [*COMMANDS, "cell", "settings"],
}
"""Command -> the words that may follow it."""


def find(name: str) -> Command:
    """The command of that name. Raises UsageError, which says what was meant or what there is."""
    command = COMMANDS.get(name)
    if command is not None:
        return command
    if name.startswith("-"):
        raise UsageError(f"%conjure takes a command before options: %conjure use {name} … chooses for the next cells")
    hint = suggest(name, COMMANDS)
    aside = "" if "did you mean" in hint else ". A request goes below a line of %%conjure"
    raise UsageError(f"%conjure has no command {name!r}{hint}{aside}")


def words(before: Sequence[str]) -> list[str]:
    """What Tab offers after these words of a `%conjure` line."""
    if not before:
        return list(COMMANDS)
    found = FOLLOW.get(" ".join(before[:2]), FOLLOW.get(before[0], []))
    return [word for word in found if word not in before]


def has_options(name: str) -> bool:
    """True if a command answers `--help` with the list of its options."""
    return any(word.startswith("--") for word in FOLLOW.get(name, []))


def cell_help() -> str:
    """What `%%conjure --help` prints."""
    return (
        cell_parser().format_help().strip()
        + "\n\nBelow that line stands the request. {{name}} is the kernel variable `name`.\n"
        "A relative path in the request means the notebook's folder; created files go to the session's own folder.\n"
        "%conjure shows the state, %conjure help the other commands, %conjure help settings the settings."
    )


def _turns(count: int) -> str:
    return "1 turn" if count == 1 else f"{count} turns"


def _needs(name: str, what: str, given: str | None) -> None:
    if not given:
        raise UsageError(f"%conjure {name} wants a {what}")


def _no_words(name: str, words: Sequence[str]) -> None:
    if words:
        raise UsageError(f"%conjure {name} does not expect {words[0]!r}")
