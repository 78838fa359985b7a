"""The options of a script, read from its source; what is not understood is asked for by --help, never guessed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conjure_magic.messages import ToolUseBlock
from conjure_magic.models.offline.compose import Program
from conjure_magic.models.offline.conversation import Step
from conjure_magic.models.offline.interface import Interface, read_help
from conjure_magic.models.offline.preparation import Scripts
from conjure_magic.models.offline.script_options import read_declared

SCRIPTS = Path(__file__).parents[2] / "conjure_magic" / "skills" / "bundled" / "log-analyzer" / "scripts"
PROGRAM = Program("python scripts/a.py go", "python /s/scripts/a.py go", "/s/scripts/a.py", "")


def names(source: str, command: str = "") -> list[str]:
    declared = read_declared({"": f"import argparse\n{source}"})
    assert declared is not None
    assert declared.complete
    assert not declared.lacking
    return [option.name for option in declared.options[command]]


@pytest.mark.parametrize("command", ["analyze.py summary", "analyze.py query", "parse_logs.py", "fetch_logs.py"])
def test_source_and_help_tell_the_same_options(command: str) -> None:
    script, _, verb = command.partition(" ")
    modules = {"loglib/options.py": (SCRIPTS / "loglib" / "options.py").read_text(encoding="utf-8")}
    declared = read_declared({"": (SCRIPTS / script).read_text(encoding="utf-8"), **modules})
    words = [sys.executable, str(SCRIPTS / script), *filter(None, [verb]), "--help"]
    helped = read_help("", subprocess.run(words, capture_output=True, text=True, check=True).stdout).options
    assert declared is not None
    told = {option.name: bool(option.metavar) for option in declared.options[verb]}
    assert {option.name: bool(option.metavar) for option in helped if option.name != "--help"} == told


def test_options_of_a_module_beside_the_script_are_asked_for() -> None:
    declared = read_declared({"": (SCRIPTS / "parse_logs.py").read_text(encoding="utf-8")})
    assert declared is not None
    assert declared.lacking == ("loglib/options.py",)


def test_groups_loops_subcommands_and_functions_are_followed() -> None:
    source = """
def common(where):
    where.add_argument("--since", metavar="TIME")

def build():
    parser = argparse.ArgumentParser()
    parser.add_argument("-v", "--verbose", action="store_true")
    verbs = parser.add_subparsers()
    go = verbs.add_parser("go")
    group = go.add_mutually_exclusive_group()
    for name in ("mean", "sum"):
        group.add_argument(f"--{name}", action="store_true")
    common(go)
    common(verbs.add_parser("stay"))
    return parser
"""
    assert names(source) == ["--verbose"]
    assert names(source, "go") == ["--mean", "--sum", "--since"]
    assert names(source, "stay") == ["--since"]


@pytest.mark.parametrize(
    "source",
    [
        "parser = argparse.ArgumentParser(parents=[other])",
        "parser = argparse.ArgumentParser()\nfor name in NAMES:\n    parser.add_argument(name)",
        "parser = argparse.ArgumentParser()\nparser.add_argument(name())",
        "parser = argparse.ArgumentParser()\nregister(parser)",
    ],
)
def test_options_made_in_another_way_are_not_guessed(source: str) -> None:
    declared = read_declared({"": f"import argparse\n{source}"})
    assert declared is not None
    assert not declared.complete


@pytest.mark.parametrize("source", ["print(1)", "#!/bin/sh\necho $1", "def (", ""])
def test_a_script_without_argparse_tells_nothing(source: str) -> None:
    assert read_declared({"": source}) is None


def step(tool: str, result: str, **given: str) -> Step:
    return Step(ToolUseBlock("x", tool, given), result, is_error=False)


def test_a_script_that_knows_help_is_asked_for_it_plainly() -> None:
    read = step("view", "     1\timport click\n     2\tclick.command()", path=PROGRAM.script)
    look = Scripts([read], frozenset({"view", "bash_tool"})).next_look([PROGRAM])
    assert look is not None
    assert (look.tool, look.input) == ("bash_tool", {"command": "python /s/scripts/a.py go --help"})
    told = step("bash_tool", "usage: a\n\n  --depth N  how deep", command="python /s/scripts/a.py go --help")
    scripts = Scripts([read, told], frozenset({"view", "bash_tool"}))
    assert scripts.next_look([PROGRAM]) is None
    found = scripts.interfaces([PROGRAM], {})[PROGRAM.words]
    assert found.refused("a.py go --depth 3 --width 4") == ["--width"]


def test_a_script_that_tells_nothing_is_left_at_what_is_documented() -> None:
    scripts = Scripts([step("view", "     1\tprint(1)\n     2\t", path=PROGRAM.script)], frozenset({"view"}))
    assert scripts.next_look([PROGRAM]) is None
    documented = {PROGRAM.words: Interface(PROGRAM.words, is_known=False)}
    assert scripts.interfaces([PROGRAM], documented) == documented
    assert documented[PROGRAM.words].refused("a.py go --depth 3") == []


def test_a_script_shown_in_part_is_not_taken_for_the_whole() -> None:
    source = "     1\timport argparse\n     2\tp = argparse.ArgumentParser()\n[lines 1 to 2 of 3,000]"
    look = Scripts([step("view", source, path=PROGRAM.script)], frozenset({"view", "bash_tool"})).next_look([PROGRAM])
    assert look is not None
    assert look.input == {"command": "python /s/scripts/a.py go --help"}
