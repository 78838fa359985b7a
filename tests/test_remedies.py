"""What helps against an error is data: a program reads what it can write, a notebook what can be typed there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from IPython.core.error import UsageError as IPythonUsageError
from render.made import LIMITS, turn

from conjure_magic import remedies
from conjure_magic.errors import ContextOverflowError, UsageError
from conjure_magic.events import Noted
from conjure_magic.magics.commands import CONJURE
from conjure_magic.magics.errors import readable_errors
from conjure_magic.magics.hints import in_cell
from conjure_magic.magics.options import cell_parser
from conjure_magic.remedies import Kind, Remedy, Way, option, setting
from conjure_magic.render import render_turn
from conjure_magic.render.limits import display_limits
from conjure_magic.session import Session
from conjure_magic.settings import Settings

PACKAGE = Path(__file__).parent.parent / "conjure_magic"
ERROR = UsageError("cannot work in /x", remedy=Remedy("Name another folder with {0}.", option("workspace", "PATH")))
SPEAKS_OF_MAGICS = re.compile(r"%{1,2}conjure|%config|%load_ext|ConjureMagics|(?<![\w-])--[a-z][a-z-]+")
# Commands of their own, or words of another program's command line.
OWN_OPTIONS = {"backends/bundled_native/log_fetcher.py", "skills/template.py", "command_rules.py"}


def test_what_lies_below_the_magics_does_not_speak_of_them() -> None:
    """No command, no option of a cell and no `%config`: neither in messages nor in comments."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        own = name in OWN_OPTIONS or name.startswith("models/offline/")  # which reads options of documented commands
        if name.startswith(("magics/", "testing/", "skills/bundled/")) or name in ("__init__.py", "__main__.py"):
            continue
        for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            mentions = [m for m in SPEAKS_OF_MAGICS.findall(text) if not (own and m.startswith("--"))]
            found += [f"{name}:{line}: {mention}" for mention in mentions]
    assert found == []


def test_a_program_and_a_notebook_read_the_same_fact_and_words_of_their_own() -> None:
    assert str(ERROR) == "cannot work in /x. Name another folder with workspace=PATH."
    assert ERROR.told(in_cell) == "cannot work in /x. Name another folder with --workspace PATH."
    assert ERROR.fact == "cannot work in /x"
    with pytest.raises(IPythonUsageError, match="--workspace PATH"), readable_errors():
        raise ERROR
    with pytest.raises(ContextOverflowError) as caught, readable_errors():
        raise ContextOverflowError("too long.", remedy=Remedy("Start over with {0}.", remedies.RESET))
    assert caught.value._render_traceback_() == ["ContextOverflowError: too long. Start over with --fresh."]  # type: ignore[attr-defined]


def test_a_notice_says_what_helps_in_the_words_of_where_it_is_shown() -> None:
    noted = turn(Noted("the input folder is not seen", "warning", Remedy("Name it with {0}.", option("input", "PATH"))))
    library, cell = LIMITS, display_limits(Settings(), words=in_cell)
    for kind in ("text/html", "text/markdown", "text/plain"):
        assert "Name it with input=PATH" in render_turn(noted, library)[kind].replace("\\", "")
        assert "Name it with --input PATH" in render_turn(noted, cell)[kind].replace("\\", "")


EXAMPLES = [
    option("backend", "local"),
    option("model"),
    setting("prices", "{'m': [1, 2]}"),
    setting("prices"),
    remedies.limit("max_cost", "0.50"),
    remedies.limit("compact", "False"),
    remedies.build_option("index", "URL"),
    remedies.KEY,
    remedies.RESET,
    remedies.ANOTHER_SESSION,
    remedies.BUILD,
    remedies.HOSTED_SKILLS,
    remedies.UNDO,
    remedies.RETRY,
    setting("context_window"),
    setting("idle_timeout", "1800"),
]


def test_every_kind_of_remedy_is_said_in_both_ways() -> None:
    assert {way.kind for way in EXAMPLES} == set(get_args(Kind))


@pytest.mark.parametrize("way", EXAMPLES, ids=str)
def test_what_a_notebook_reads_can_be_typed_there(way: Way) -> None:
    """Every option is one of a cell or of the command beside it, every command there is, every setting too."""
    said = in_cell(way)
    assert not SPEAKS_OF_MAGICS.search(str(way))
    command = re.search(r"%conjure ([a-z ]+)", said)
    if command is not None:
        words = command[1].strip()
        found = next(c for c in CONJURE.every() if c.name == words)
        known = found.parser.format_help()
    else:
        known = cell_parser().format_help()
    assert [flag for flag in re.findall(r"--[a-z-]+", said) if flag not in known] == []
    named = re.search(r"ConjureMagics\.(\w+)", said)
    assert named is None or named[1] in Settings.class_traits(config=True)


def test_messages_for_library_users_do_not_mention_cells() -> None:
    with Session("local", model="offline") as session, pytest.raises(UsageError) as caught:
        session.chat("  ")
    assert not SPEAKS_OF_MAGICS.search(str(caught.value))
