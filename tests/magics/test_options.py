"""Options as typed, and slips that say what is possible."""

from __future__ import annotations

import pytest

from conjure_magic.errors import UsageError
from conjure_magic.magics.options import cell_parser, flatten


def test_lists_take_commas_or_repetition() -> None:
    found = cell_parser().read("--backend local,native --backend docker --skills './my skills'")
    assert flatten(found.backend) == ["local", "native", "docker"]
    assert flatten(found.skills) == ["./my skills"]
    assert flatten(found.variables) is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--bakend local", "no option --bakend; did you mean --backend?"),
        ("--backend", "expected one argument"),
        ("--max-rounds 0", "number above 0"),
        ("--max-rounds two", "number above 0"),
        ("--timeout nan", "number above 0"),
        ("--timeout -3", "--timeout"),
        ("what is this", "does not expect 'what'; write the request on the lines below"),
        ("--skills 'x", "is a quote missing"),
    ],
)
def test_a_slip_says_what_is_wrong_and_what_is_possible(line: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        cell_parser().read(line)
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (r"--attach C:\Users\ada\app.log", r"C:\Users\ada\app.log"),
        (r"--attach=C:\new\app.log --yes", r"C:\new\app.log"),
        (r"--attach \\server\share\a.log", r"\\server\share\a.log"),
        (r'--attach "C:\my logs\a.log"', r"C:\my logs\a.log"),
        (r"--attach my\ log.txt", "my log.txt"),
    ],
)
def test_windows_paths_keep_their_backslashes(line: str, path: str) -> None:
    assert cell_parser().read(line).attach == [path]
