"""Commands for skill authors: validate, create and pack skills. Each returns a display of its result."""

from __future__ import annotations

import contextlib
import os
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import conjure_magic.skills as skills
from conjure_magic.errors import UsageError
from conjure_magic.magics import command_output
from conjure_magic.render import render_state as render
from conjure_magic.skills.package import SUFFIX
from conjure_magic.skills.validation import find_skills

Bundle = dict[str, Any]


def validate(path: str) -> Bundle:
    """All findings on a skill, on the skills in a folder, or on the skill in a package.

    Raises PackageError for a package that is refused.
    """
    if path.endswith(SUFFIX) and os.path.isfile(os.path.expanduser(path)):
        with tempfile.TemporaryDirectory(prefix="conjure-") as folder:
            unpacked = skills.unpack(path, folder)
            return command_output.render_validation([(unpacked.name, skills.validate(unpacked))])
    return command_output.render_validation([(_name(folder), skills.validate(folder)) for folder in find_skills(path)])


def new_skill(name: str, into: str) -> Bundle:
    """Create a skill from the template and list its files. Raises SkillError and UsageError."""
    with _writing(into):
        folder = skills.new_skill(name, into)
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    typed = shlex.quote(os.path.relpath(folder))
    typed = typed if "/" in typed else f"./{typed}"
    note = f"Use it with %%conjure --skills {typed}. After editing, check it with %conjure validate {typed}."
    return render(f"New skill {folder.name}", [("folder", folder.absolute()), ("files", ", ".join(files))], note=note)


def pack(path: str, into: str) -> Bundle:
    """Pack a skill, and list what is included and what is left out. Raises SkillError and UsageError."""
    with _writing(into):
        return command_output.render_package(skills.pack(path, into))


@contextlib.contextmanager
def _writing(into: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"cannot write: {error.strerror or error}: {error.filename or into}") from None


def _name(folder: Path) -> str:
    path = Path(os.path.abspath(folder))
    path = path.parent if path.name in ("SKILL.md", "skill.md") and path.is_file() else path
    return path.name or str(folder)
