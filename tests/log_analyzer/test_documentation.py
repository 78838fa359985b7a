"""SKILL.md keeps the limits of the format, and every command it teaches runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from log_analyzer import odd_systems, skill

TEXT = (skill.SKILL / "SKILL.md").read_text()
_, HEAD, BODY = TEXT.split("---\n", 2)
BLOCKS = re.findall(r"\n([^\n]+)\n\n```bash\n([^\n]+)\n```", BODY)
TABLED = re.findall(r"^\| .+? \| `(python scripts/[^`]+)`", BODY, re.MULTILINE)
FILLED = {"FILE": "crane.log", "N": "3", "TIME": "2023-11-04T08:15", "PATTERN": "pilot", "LEVEL": "ERROR",
          "NAME": "component", "VALUE": "pilot", "NUMBER": "pid"}  # fmt: skip
# The first command of each script runs as a process of its own, the others in this one.
BY_PROCESS = list({command.split()[1]: command for _, command in reversed(BLOCKS)}.values())
# Examples whose words are not in the test's log: that they find nothing is an error, not an answer.
MAY_FIND_NOTHING = re.compile("--max|--sum|--mean|--p 50|--p 95|status|--field user")


def test_front_matter_is_within_the_formats_limits() -> None:
    fields = yaml.safe_load(HEAD)
    assert fields["name"] == skill.SKILL.name
    assert 0 < len(fields["description"]) <= 1024
    assert set(fields) <= {"name", "description", "license", "compatibility", "metadata", "allowed-tools"}
    assert len(TEXT.splitlines()) < 500


def test_each_command_is_introduced_by_one_sentence() -> None:
    assert len(BLOCKS) == BODY.count("```bash")
    assert BLOCKS[0][1] == "python scripts/analyze.py summary FILE --chart errors.svg --csv top.csv"
    for sentence, _ in BLOCKS:
        assert re.fullmatch(r"[A-Z].+\.", sentence)


@pytest.mark.parametrize("command", [command for _, command in BLOCKS] + TABLED)
def test_a_documented_command_runs(command: str, tmp_path: Path) -> None:
    if "URL" in command:
        pytest.skip("needs a server: tests of fetch_logs.py run these")
    (tmp_path / "crane.log").write_text("".join(line.text + "\n" for line in odd_systems.BRACES.lines(400)))
    words = shlex.split(
        re.sub(r"\b(FILE|N|TIME|PATTERN|LEVEL|NAME|VALUE|NUMBER)\b", lambda match: FILLED[match[1]], command)
    )
    assert words[0] == "python"
    run = skill.start if command in BY_PROCESS else skill.run
    done = run(words[1].removeprefix("scripts/"), *words[2:], cwd=tmp_path)
    if MAY_FIND_NOTHING.search(command):
        assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
        assert re.search(rb"found no number|no line has a field", done.stderr)
    else:
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.strip()


def test_all_links_lead_to_files() -> None:
    for link in re.findall(r"\]\(([^)]+)\)", BODY):
        assert (skill.SKILL / link).is_file()


def test_only_the_standard_library_is_imported() -> None:
    import sys

    for path in skill.SCRIPTS.rglob("*.py"):
        found = re.findall(r"^\s*(?:from|import) ([a-z_0-9]+)", path.read_text(), re.MULTILINE)
        assert set(found) <= {*sys.stdlib_module_names, "loglib", "__future__"}, path
