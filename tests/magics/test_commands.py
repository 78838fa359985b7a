"""Each command is declared once: its help, what Tab offers and what runs come from there."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from conjure_magic.errors import UsageError
from conjure_magic.magics import commands, options
from conjure_magic.magics.command_declaration import Bundle, Command
from conjure_magic.magics.commands import CONJURE
from conjure_magic.magics.options import argument
from conjure_magic.magics.sessions import Sessions
from conjure_magic.settings import Settings

EVERY = list(CONJURE.every())
REGION = argument("--region", metavar="R", help="where it is", values=lambda _: ("north", "south"))


class FakeContext:
    """What commands may use, with nothing behind it."""

    def __init__(self) -> None:
        self.ran: list[argparse.Namespace] = []
        self.settings: Any = SimpleNamespace(models={})
        by_name: Any = {"main": None, "other": None}
        self.sessions = Sessions(Settings(), dict, lambda *_: None, by_name=by_name)

    def run(self, *_: object, **__: object) -> None:
        raise AssertionError("no turn is asked for here")

    def last_traceback(self) -> str:
        return ""


@pytest.fixture
def context() -> FakeContext:
    return FakeContext()


def ran(context: FakeContext, given: argparse.Namespace) -> Bundle:
    context.ran.append(given)
    return {"text/plain": "done"}


MINE = Command(
    "mine",
    "dig for something",
    commands=(Command("mine coal", "dig for coal", ran, (argument("pit", metavar="PIT", help="which"), REGION)),),
)


@pytest.fixture
def with_mine(monkeypatch: pytest.MonkeyPatch) -> Command:
    """`%conjure` with one declaration more, and nothing else told of it."""
    monkeypatch.setattr(commands, "COMMANDS", (*commands.COMMANDS, MINE))
    conjure = Command("", CONJURE.about, CONJURE.run, commands=commands.COMMANDS)
    monkeypatch.setattr(commands, "CONJURE", conjure)
    return conjure


def test_a_declaration_is_all_that_a_command_needs(
    context: FakeContext, with_mine: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = commands.execute(context, ["help"])
    assert listed is not None
    assert "%conjure mine coal" in listed["text/plain"]
    commands.execute(context, ["help", "mine", "coal"])
    asked = capsys.readouterr().out
    commands.execute(context, ["mine", "coal", "--help"])
    assert capsys.readouterr().out == asked
    assert "--region R" in asked
    assert "Dig for coal." in asked
    assert commands.execute(context, ["mine", "coal", "7", "--region", "north"]) == {"text/plain": "done"}
    assert (context.ran[0].pit, context.ran[0].region) == ("7", "north")
    assert "mine" in with_mine.offers(context.sessions, [])
    assert with_mine.offers(context.sessions, ["mine"])[0] == "coal"
    assert with_mine.offers(context.sessions, ["mine", "coal"]) == ["--region", "--help"]
    assert with_mine.offers(context.sessions, ["mine", "coal", "--region"]) == ["north", "south"]
    assert "mine" in with_mine.offers(context.sessions, ["help"])
    with pytest.raises(UsageError, match="did you mean mine"):
        commands.execute(context, ["mnie"])
    with pytest.raises(UsageError, match="needs one of: coal"):
        commands.execute(context, ["mine"])


@pytest.mark.parametrize("command", EVERY, ids=lambda command: command.name or "%conjure")
def test_help_and_tab_know_every_argument_and_nothing_else(context: FakeContext, command: Command) -> None:
    text = command.help
    assert text.startswith(f"usage: {command.line}")
    declared = [name for argument in command.declared for name in argument.names if name.startswith("--")]
    assert [option for option in (*declared, "--help") if option not in text] == []
    assert [c.usage for c in command.commands if c.usage not in text] == []
    offered = CONJURE.offers(context.sessions, command.name.split())
    assert [word for word in offered if word.startswith("-")] == [*declared, "--help"]
    parser = command.parser
    assert sorted(o for a in parser._actions for o in a.option_strings if o.startswith("--")) == sorted(
        [*declared, "--help"]
    )


@pytest.mark.parametrize("command", EVERY, ids=lambda command: command.name or "%conjure")
def test_an_option_that_is_not_declared_is_refused(context: FakeContext, command: Command) -> None:
    with pytest.raises(UsageError, match=command.refusal or "--no-such-option|needs one of"):
        commands.execute(context, [*command.name.split(), "--no-such-option"])


def test_names_say_where_a_command_stands() -> None:
    for command in EVERY:
        assert [c.name.removeprefix(command.name).split() for c in command.commands] == [
            [c.word] for c in command.commands
        ]


def test_a_key_that_was_typed_is_not_repeated(context: FakeContext) -> None:
    for words in (["key", "sk-secret-0123"], ["key", "--sk-secret-0123"], ["key", "-x", "sk-secret-0123"]):
        with pytest.raises(UsageError) as caught:
            commands.execute(context, words)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("before", "offered"),
    [
        (["--backend"], "docker"),
        (["--backend="], "docker"),
        (["--backend", "native,"], "docker"),
        (["--backend=native,"], "docker"),
        (["--session"], "other"),
        (["--backend", "native"], "--skills"),
        (["--fresh"], "--yes"),
    ],
)
def test_values_are_offered_wherever_one_may_stand(context: FakeContext, before: Sequence[str], offered: str) -> None:
    found = options.following(options.cell_arguments(), context.sessions, before)
    assert offered in found
    assert ("--model" in found) == offered.startswith("-")


def test_where_paths_may_stand_ipython_completes_them(context: FakeContext) -> None:
    assert options.following(options.cell_arguments(), context.sessions, ["--workspace"]) == []
    assert CONJURE.offers(context.sessions, ["files", "--save"]) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--yes"], "write %%conjure --yes (two percent signs) above the request"),
        (["--backend", "local"], "for the next cells: %conjure use --backend"),
        (["--bakend", "local"], "has no option --bakend; did you mean --backend?"),
    ],
)
def test_an_option_without_a_command_gets_advice_that_works(context: FakeContext, words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        commands.execute(context, words)
    assert said in str(caught.value)
