"""Autoload: whether IPython and every kernel of this Python load the extension when they start.

IPython reads `etc/ipython/ipython_config.json` under `sys.prefix`. Its list of extensions is *replaced*, not
extended, by a list in a file of higher priority. The order is that of `BaseIPythonApplication`: system, this Python,
the user's profile; in each folder `.py` before `.json`. Later files override earlier ones.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from conjure_magic.errors import UsageError

EXTENSION = "conjure_magic"
SECTION = "InteractiveShellApp"
# A kernel reads its own section and file after the shared ones.
SECTIONS = (SECTION, "IPKernelApp")
FILES = ("ipython_config", "ipython_kernel_config")


def config_path() -> Path:
    """The file that `switch` edits: the IPython configuration of this Python environment."""
    return Path(sys.prefix) / "etc" / "ipython" / "ipython_config.json"


@dataclass(frozen=True)
class Status:
    """Whether a new kernel of this Python loads the extension.

    `listed`: our file lists it. `loaded`: a new kernel loads it. `by`: the file whose list of extensions takes
    effect, if any. `unreadable`: files that IPython reads as well, but which raised an error here.
    """

    listed: bool
    loaded: bool
    by: Path | None
    unreadable: tuple[Path, ...] = ()


def switch(on: bool) -> bool:
    """Add the extension to this Python's IPython configuration, or remove it. True if that changed the file.

    Everything else in the file stays as it is; a file that contains nothing but our entry is deleted.

    Raises:
        UsageError: the file cannot be edited: it is not valid JSON, has another structure, or is not writable.
    """
    path = config_path()
    config = _read(path)
    before = _listed(config, path)
    if on == (EXTENSION in before):
        return False
    if on:
        config.setdefault(SECTION, {})["extensions"] = [*(before or _below(path)), EXTENSION]
    else:
        _take_out(config, before)
    try:
        _write(path, config)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
    return True


def status() -> Status:
    """Return what a new kernel of this Python would do, according to the files that it would read."""
    path = config_path()
    effective, by, unreadable = _effective(_places())
    return Status(EXTENSION in _listed(_read(path), path), EXTENSION in effective, by, tuple(unreadable))


def describe(found: Status) -> str:
    """The status as text: one line, and more if another file interferes."""
    lines = []
    if found.loaded:
        lines.append(f"autoload is on: every new kernel of {sys.prefix} loads {EXTENSION}.")
        if not found.listed:
            lines.append(f"It is listed in {found.by}.")
    elif found.listed:
        lines.append(f"autoload is on in {config_path()}, but the list of extensions in {found.by} overrides it.")
        lines.append(f"Add '{EXTENSION}' there: c.{SECTION}.extensions.append('{EXTENSION}')")
    else:
        lines.append(
            f"autoload is off. Load the extension with `%load_ext {EXTENSION}`, or in every new kernel with "
            f"`python -m {EXTENSION} autoload on`."
        )
    lines += [f"{file} could not be read and was ignored." for file in found.unreadable]
    return "\n".join(lines)


def _places() -> Iterator[Path]:
    """Every file that a kernel would read extensions from, whether it exists or not; the last one wins."""
    from IPython.core.application import SYSTEM_CONFIG_DIRS
    from IPython.paths import get_ipython_dir

    profile = Path(get_ipython_dir()) / "profile_default"
    folders = [*(Path(folder) for folder in reversed(SYSTEM_CONFIG_DIRS)), config_path().parent, profile]
    for name in FILES:
        for folder in dict.fromkeys(folders):
            yield from (folder / (name + end) for end in (".py", ".json"))


def _effective(places: Iterable[Path]) -> tuple[list[str], Path | None, list[Path]]:
    """The extensions after all of these files, the file that set them, and the files that raised an error."""
    effective: list[str] = []
    by, unreadable = None, []
    for file in filter(Path.is_file, places):
        try:
            found = _extensions(file, effective)
        except Exception:
            # The user's own Python file, run as IPython runs it: it may raise anything.
            unreadable.append(file)
            continue
        if found is not None:
            effective, by = found, file
    return effective, by, unreadable


def _extensions(file: Path, before: list[str]) -> list[str] | None:
    """The list after this file, given the list before it; None if the file does not set extensions."""
    from traitlets.config.loader import Config, JSONFileConfigLoader, LazyConfigValue, PyFileConfigLoader

    loader = PyFileConfigLoader if file.suffix == ".py" else JSONFileConfigLoader
    config: Config = loader(file.name, path=str(file.parent)).load_config()
    found = None
    for section in SECTIONS:
        if section in config and "extensions" in config[section]:
            said = config[section]["extensions"]
            # `c.….extensions.append(…)` extends what came before; an assignment replaces it.
            found = said.get_value(list(found or before)) if isinstance(said, LazyConfigValue) else list(said)
    return found


def _below(path: Path) -> list[str]:
    """Extensions in files of lower priority, which a list of our own would hide."""
    return _effective(takewhile(lambda place: place != path, _places()))[0]


def _read(path: Path) -> dict[str, Any]:
    """The configuration; empty if there is no file.

    Raises:
        UsageError: it is not a JSON object, or cannot be read.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UsageError(f"{path} is not valid JSON ({error}). Fix it or move it away; nothing was changed.") from error
    if not isinstance(config, dict):
        raise UsageError(f"{path} does not contain a JSON object. Fix it or move it away; nothing was changed.")
    return config


def _listed(config: dict[str, Any], path: Path) -> list[Any]:
    section = config.get(SECTION, {})
    listed = section.get("extensions", []) if isinstance(section, dict) else None
    if not isinstance(listed, list):
        raise UsageError(
            f"{path}: {SECTION}.extensions is not a list. Fix it or move the file away; nothing was changed."
        )
    return listed


def _take_out(config: dict[str, Any], before: list[Any]) -> None:
    """Remove our entry, and a list or section that becomes empty: it would still hide those of other files."""
    config[SECTION]["extensions"] = [name for name in before if name != EXTENSION]
    if not config[SECTION]["extensions"]:
        del config[SECTION]["extensions"]
    if not config[SECTION]:
        del config[SECTION]


def _write(path: Path, config: dict[str, Any]) -> None:
    """Write atomically: a kernel that starts meanwhile reads either the old file or the new one."""
    if not config:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    target = path.resolve()  # a link stays one
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
    with tempfile.NamedTemporaryFile("w", dir=target.parent, encoding="utf-8", delete=False) as file:
        file.write(json.dumps(config, indent=2, ensure_ascii=False) + "\n")
    Path(file.name).chmod(mode)
    os.replace(file.name, target)
