"""CONTRIBUTING's map of the code: every path in it exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|md|ipynb)|(?:[\w.-]+/)+)`", TEXT)) - {"demo/"})
MAP = TEXT.partition("## To change X, open Y")[2].partition("\n## ")[0]


def exists(path: str) -> bool:
    """True for a path from the repository, from the package, or from a folder of the package named in the same row."""
    folders = {
        match for line in TEXT.splitlines() if f"`{path}`" in line for match in re.findall(r"`((?:[\w-]+/)+)`", line)
    }
    roots = [ROOT, ROOT / "conjure_magic", *(ROOT / "conjure_magic" / folder for folder in folders)]
    return any((root / path).exists() for root in roots)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_in_contributing_exists(path: str) -> None:
    assert exists(path), f"{path} has moved; say so in CONTRIBUTING.md"


def test_the_map_names_every_package() -> None:
    packages = {path.parent.name for path in (ROOT / "conjure_magic").glob("*/__init__.py")}
    assert {name for name in packages if f"{name}/" not in MAP} == set()
