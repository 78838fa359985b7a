"""Twenty small skills that the planner was not written for, each asked in three wordings."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from conjure_magic.messages import Message, TextBlock, ToolResultBlock, ToolUseBlock
from conjure_magic.models.base import Request
from conjure_magic.models.offline.planner import plan
from conjure_magic.skills.catalogue import render_catalogue
from conjure_magic.skills.skill import Skill, load_skill
from conjure_magic.tools import definitions

TOOLS = definitions(timeout=60)
SMALL = Path(__file__).parent.parent / "data" / "skills" / "small"
CASES: dict[str, tuple[str, list[str]]] = {
    "file-stats": (
        "tale.txt: 24 bytes, 3 lines",
        [
            "File stats: how many lines does tale.txt have?",
            "size of tale.txt",
            "File stats of tale.txt please: size, lines",
        ],
    ),
    "image-sizes": (
        "3 x 2 pixels",
        [
            "What is the width and height of dot.png?",
            "dot.png – size of the image in pixels",
            "Image sizes for dot.png",
        ],
    ),
    "csv-join": (
        "ann,3,oslo",
        [
            "Join sales.csv and towns.csv on column name",
            "join the tables sales.csv, towns.csv on 'name'",
            "Please join sales.csv with towns.csv, on the common column 'name'",
        ],
    ),
    "temperature": (
        "212.0",
        [
            "Convert a temperature of 100 'celsius' to 'fahrenheit'",
            "temperature: convert 100 from 'celsius' to 'fahrenheit'",
            "Please convert 100 'celsius' into 'fahrenheit', a temperature",
        ],
    ),
    "line-sorter": (
        "apple\nbanana\npear",
        ["Sort the lines of fruit.txt", "fruit.txt sorted alphabetically", "sort fruit.txt alphabetically please"],
    ),
    "json-keys": ("colour\nsize", ["Which keys does box.json have?", "list keys of box.json", "box.json: JSON keys?"]),
    "checksum": (
        "sha256 ",
        ["Compute the checksum of tale.txt", "checksum, tale.txt", "What is the hash of tale.txt?"],
    ),
    "duplicate-finder": (
        "copy.txt is a duplicate of again.txt",
        [
            "Find duplicate files in ./twins/",
            "duplicates in ./twins/",
            "Are there duplicate files in the folder ./twins/?",
        ],
    ),
    "text-diff": (
        "+ banana split",
        [
            "Compare fruit.txt and fruit2.txt",
            "differences between fruit.txt and fruit2.txt",
            "Show the differences of the two versions fruit.txt, fruit2.txt",
        ],
    ),
    "csv-columns": (
        "mean 4.0",
        [
            "What is the mean of the column 'amount' in sales.csv?",
            "mean of column 'amount', sales.csv",
            "Work out the average of column 'amount' in sales.csv",
        ],
    ),
    "letter-frequency": (
        "e 7\nt 3",
        [
            "Count the letters of tale.txt, the top 2",
            "top 2 letters in tale.txt",
            "Which 2 letters are most frequent in tale.txt?",
        ],
    ),
    "day-counter": (
        "30 days",
        [
            "How many days from 2026-04-01 until 2026-05-01?",
            "count the days from 2026-04-01 until 2026-05-01",
            "days between dates: from 2026-04-01 until 2026-05-01",
        ],
    ),
    "base64-coder": ("aGk=", ['Encode "hi" as base64', 'base64 of "hi"', 'Please encode the text "hi" in base64']),
    "markdown-outline": (
        "Title\n  Part",
        ["Show the outline of notes.md", "headings of notes.md", "Which headings does the document notes.md have?"],
    ),
    "todo-finder": (
        "code.py:2: # TODO: more",
        ["Find the TODO notes in code.py", "TODOs in code.py", "Are there any TODO notes in the source code.py?"],
    ),
    "settings-reader": (
        "port = 80",
        [
            "Read the section 'web' of the settings in app.ini",
            "app.ini: settings of section 'web'",
            "Which settings does section 'web' of the configuration app.ini have?",
        ],
    ),
    "prime-numbers": (
        "2 3 5 7 11 13",
        ["List the prime numbers up to 13", "prime numbers, limit 13", "Which primes are there up to a limit of 13?"],
    ),
    "roman-numerals": ("XIV", ["Write 14 in Roman numerals", "14 as a Roman numeral", "Roman numerals for 14 please"]),
    "link-lister": (
        "https://example.org/a",
        ["List the links of page.html", "links in page.html", "Which links does the page page.html have?"],
    ),
    "dna-content": (
        "50.0 % GC",
        [
            "Compute the GC content of dna.txt",
            "GC content, dna.txt",
            "What is the GC content of the sequence in dna.txt?",
        ],
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the requests name."""
    here = tmp_path_factory.mktemp("small")
    texts = {
        "tale.txt": "the tree\nthe bee\nno end\n",
        "fruit.txt": "pear\napple\nbanana\n",
        "fruit2.txt": "pear\napple\nbanana split\n",
        "sales.csv": "name,amount\nann,3\nbob,5\n",
        "towns.csv": "name,town\nann,oslo\nbob,bern\n",
        "box.json": '{"colour": 1, "size": 2}',
        "notes.md": "# Title\n\n## Part\n",
        "code.py": "a = 1\n# TODO: more\n",
        "app.ini": "[web]\nport = 80\n",
        "page.html": '<a href="https://example.org/a">a</a>',
        "dna.txt": "ACGTGCAT\n",
        "twins/again.txt": "x",
        "twins/copy.txt": "x",
    }
    for name, text in texts.items():
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_text(text, encoding="utf-8")
    (here / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 3, 2))
    return here


@pytest.fixture(scope="module")
def skills() -> list[Skill]:
    return [load_skill(path) for path in sorted(SMALL.iterdir())]


def converse(requests: list[str], skills: list[Skill], folder: Path) -> list[tuple[str, list[str]]]:
    """(answer, commands) of each request, in one conversation; commands really run."""
    system = f"<workspace>{folder}</workspace>\n<input_folder>{folder}</input_folder>\n{render_catalogue(skills)}"
    history: list[Message] = []
    found = []
    for request in requests:
        history.append(Message.user(request))
        commands: list[str] = []
        for _ in range(9):
            move, call_id = plan(Request("offline", system, TOOLS, tuple(history), max_tokens=1_000))
            if not move.tool:
                break
            call = ToolUseBlock(call_id, move.tool, dict(move.input))
            if move.tool == "view":
                result = ToolResultBlock(call_id, Path(str(move.input["path"])).read_text(encoding="utf-8"))
            else:
                command = str(move.input["command"])
                run = subprocess.run(
                    ["bash", "-c", command.replace("python ", f"{sys.executable} ")],
                    cwd=folder, capture_output=True, text=True, timeout=60, check=False,
                )  # fmt: skip
                status = f"\n[exit code {run.returncode}]" if run.returncode else ""
                result = ToolResultBlock(call_id, run.stdout + run.stderr + status, bool(run.returncode))
                commands.append(command)
            history += [Message.assistant(TextBlock(move.text), call), Message.user(result)]
        history.append(Message.assistant(TextBlock(move.text)))
        found.append((move.text, commands))
    return found


def test_a_file_of_another_kind_than_documented_is_not_worked_on(skills: list[Skill], folder: Path) -> None:
    ((answer, commands),) = converse(["What is the width and height of the image tale.txt?"], skills, folder)
    assert commands == []
    assert "needs `IMAGE.png`" in answer


def test_there_are_twenty_skills_with_three_wordings_each() -> None:
    assert set(CASES) == {path.name for path in SMALL.iterdir()}
    assert len(CASES) == 20
    assert all(len(wordings) == 3 for _, wordings in CASES.values())


@pytest.mark.parametrize("name", CASES)
def test_a_small_skill_answers_each_of_three_wordings(name: str, skills: list[Skill], folder: Path) -> None:
    wanted, wordings = CASES[name]
    for wording, (answer, commands) in zip(wordings, converse(wordings, skills, folder), strict=True):
        assert wanted in answer, (wording, commands, answer)
        assert f"**{name}**" in answer
        assert len(commands) == 1, (wording, commands)
