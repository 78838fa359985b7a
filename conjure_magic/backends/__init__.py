"""The table of backends: name -> opener, each imported when it is first asked for.

One from outside joins it by `register_backend`, or by an entry point of the group `conjure_magic.backends` whose
name is what `Session(backend=…)` takes and whose object is an `Opener` or a function `BackendSetup -> Backend`.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from conjure_magic.backends.base import Backend
from conjure_magic.backends.opener import BackendSetup, Chosen, Opener, OwnSkills
from conjure_magic.errors import BackendUnavailableError, ConjureError, UsageError

if TYPE_CHECKING:
    from conjure_magic.backends.native.host import Host

GROUP = "conjure_magic.backends"
"""The entry points that add backends."""
BUILT_IN = {
    "native": "conjure_magic.backends.native.opener",
    "anthropic": "conjure_magic.backends.hosted.opener",
    "docker": "conjure_magic.backends.docker",
    "local": "conjure_magic.backends.local",
}
"""Name -> the module that has its `OPENER`, in the order in which they are asked whose a skill is."""

Factory = Callable[[BackendSetup], Backend]
OTHERS: dict[str, Opener] = {}
"""Those that were registered, by name; entry points are not in here, see `backend_names`."""


def register_backend(name: str, opener: Opener | Factory) -> None:
    """Make a backend known by this name: `Session(backend=NAME)` opens it, once for each session.

    Args:
        name: letters, digits, - and _. Registering a name again replaces it.
        opener: an `Opener`; for a backend without options of its own a function is enough, which gets a
            `BackendSetup` and returns a `Backend`, or raises BackendUnavailableError, which says what it needs.

    Raises UsageError for a name that cannot be typed or is built in.
    """
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise UsageError(f"a backend's name is letters, digits, - and _, not {name!r}")
    if name in BUILT_IN:
        raise UsageError(f"{name} is built in; give yours another name")
    OTHERS[name] = _as_opener(opener)


def backend_names() -> list[str]:
    """Every name that `Session(backend=…)` takes."""
    return sorted({*BUILT_IN, *OTHERS, *(point.name for point in _entry_points())})


def find_opener(name: str) -> Opener:
    """What opens the backend of that name.

    Raises UsageError for an unknown name, BackendUnavailableError for an entry point that cannot be loaded.
    """
    if name in BUILT_IN:
        found: Opener = importlib.import_module(BUILT_IN[name]).OPENER
        return found
    if name in OTHERS:
        return OTHERS[name]
    for point in _entry_points():
        if point.name == name:
            return _loaded(point)
    names = backend_names()
    near = get_close_matches(name.lower(), names, 1)
    hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(names)}"
    raise UsageError(f"no backend {name!r}: {hint}")


def open_backends(
    chosen: Sequence[str | Backend], setup: Callable[[str], BackendSetup], options: Mapping[str, object]
) -> tuple[Backend, ...]:
    """The backends of a session, opened; objects are taken as they are.

    Args:
        chosen: names, or Backend objects.
        setup: what the session offers to the backend of a name.
        options: what was chosen for any of them, by name.

    Raises BackendUnavailableError if one cannot work here, UsageError for options that cannot be.
    """
    opened: list[Backend] = []
    try:
        for one in chosen:
            if isinstance(one, str):
                opener = find_opener(one)
                opened.append(opener.open(setup(one), opener.read_options(options)))
            else:
                opened.append(one)
    except BaseException:
        for backend, one in zip(opened, chosen, strict=False):
            if isinstance(one, str):
                backend.close()
        raise
    return tuple(opened)


def name_of(backend: str | Backend) -> str:
    """The name of a chosen backend."""
    return backend if isinstance(backend, str) else backend.name


def option_fields() -> dict[str, Field[Any]]:
    """The options of all backends, by name, as dataclass fields made by `option`."""
    return {field.name: field for _, opener in _openers(backend_names()) for field in opener.option_fields()}


# ---- skills, and whose they are


@dataclass(frozen=True, slots=True)
class Assignment:
    """The skills of a session, by who uses them."""

    own: Mapping[str, tuple[object, ...]]
    """Backend name -> the skills that it claimed."""
    folders: tuple[str, ...]
    """Skill folders, and names of skills in them, for the backends that read folders."""


@dataclass(frozen=True, slots=True)
class BackendSkills:
    """The skills that a backend has beside the folders: in Python, hosted."""

    backend: str
    kind: str
    """What such a skill is called: "Python", "hosted"."""
    skills: Mapping[str, str]
    """Name -> purpose, which may be empty."""


def check_backends(backends: Sequence[str | Backend], host: Host | None = None) -> Chosen:
    """The backends of a session, checked, as claims on skills depend on them.

    Raises UsageError for an unknown name and for two with the same tools.
    """
    names = tuple(map(name_of, backends))
    openers = [find_opener(one) if isinstance(one, str) else _known(one.name) for one in backends]
    tool_sets: dict[str, str] = {}
    for name, opener in zip(names, openers, strict=True):
        other = tool_sets.setdefault(opener.tool_set, name) if opener.tool_set else name
        if other != name:
            both = " and ".join(sorted((other, name), reverse=True))
            raise UsageError(f"{both} have the same tools, so a session takes one of them")
    return Chosen(names, any(opener.reads_folders for opener in openers), host)


def anchored(skills: Iterable[object], backends: Iterable[str] = ()) -> tuple[object, ...]:
    """The skills with relative paths in a backend's own spelling replaced by what they mean now."""
    found = tuple(skills)
    for _, own in _own_skills(backends):
        found = tuple(map(own.anchored, found))
    return found


def assign_skills(skills: Iterable[object], chosen: Chosen) -> Assignment:
    """Which skills are whose. Raises UsageError for one that none of the chosen backends can take."""
    left, own = tuple(skills), {}
    for name, skills_of in _own_skills(chosen.backends):
        own[name], left = skills_of.claim(left, chosen)
    return Assignment(own, tuple(map(str, left)))


def backend_skills(assignment: Assignment, chosen: Chosen) -> tuple[BackendSkills, ...]:
    """The skills that the chosen backends have beside the folders."""
    return tuple(
        BackendSkills(name, own.kind, own.offered(assignment.own.get(name, ()), chosen))
        for name, own in _own_skills(chosen.backends)
        if name in chosen.backends
    )


def skill_spellings(chosen: Chosen) -> list[str]:
    """What may be given as `skills` beside folders and their names."""
    own = [own for name, own in _own_skills(chosen.backends) if name in chosen.backends]
    return [text for skills in own for text in skills.spellings(chosen)]


def explain_missing(names: Sequence[str], missing: ConjureError, chosen: Chosen) -> ConjureError:
    """The error for a skill that was not found, in the words of the backend that knows best why."""
    for _, own in reversed(_own_skills(chosen.backends)):
        better = own.explain(names, missing, chosen)
        if better is not None:
            return better
    return missing


def _openers(names: Iterable[str]) -> list[tuple[str, Opener]]:
    """Of these names all that can be loaded: those from outside, then the built-in ones in their order."""
    found: list[tuple[str, Opener]] = []
    for name in sorted(dict.fromkeys(names), key=_rank):
        try:
            found.append((name, find_opener(name)))
        except (BackendUnavailableError, UsageError):  # a broken package, or an object's own name
            continue
    return found


def _rank(name: str) -> int:
    return [*BUILT_IN].index(name) if name in BUILT_IN else -1


def _own_skills(chosen: Iterable[str]) -> list[tuple[str, OwnSkills]]:
    """Who answers for skills that are no folders, in the order in which they are asked, whether chosen or not."""
    openers = _openers([*OTHERS, *chosen, *BUILT_IN])
    return [(name, opener.own_skills) for name, opener in openers if opener.own_skills is not None]


def _entry_points() -> tuple[EntryPoint, ...]:
    """Those of the packages that are installed now. To look takes some 30 ms, so it is done once for each state."""
    return _entry_points_in(tuple((folder, _changed(folder)) for folder in sys.path))


@lru_cache(maxsize=1)
def _entry_points_in(state: tuple[tuple[str, int], ...]) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP))


def _changed(folder: str) -> int:
    """When something was last put into a folder; 0 if it is not there."""
    try:
        return os.stat(folder or ".").st_mtime_ns
    except OSError:
        return 0


def _known(name: str) -> Opener:
    """The opener of an object's name, for what it says of its tools and skills; a plain one if there is none."""
    try:
        return find_opener(name)
    except (UsageError, BackendUnavailableError):
        return Opener(_not_openable)


def _not_openable(setup: BackendSetup, _: object) -> Backend:
    raise BackendUnavailableError("a backend that was given as an object is not opened by its name")


def _as_opener(given: Opener | Factory) -> Opener:
    if isinstance(given, Opener):
        return given
    return Opener(lambda setup, _: given(setup))


def _loaded(point: EntryPoint) -> Opener:
    try:
        given = point.load()
    except Exception as error:  # importing somebody's package may raise anything
        raise BackendUnavailableError(f"the backend {point.name} ({point.value}) cannot be loaded: {error}") from error
    return _as_opener(given)
