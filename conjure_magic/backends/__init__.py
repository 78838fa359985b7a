"""The table of backends: name -> opener, each imported on first use.

A third-party backend is added by `register_backend`, or by an entry point in the group `conjure_magic.backends`. The
entry point's name is the value for `Session(backend=…)`; its object is an `Opener` or a function
`BackendSetup -> Backend`.
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
from conjure_magic.backends.opener import BackendChoice, BackendSetup, Opener, OwnSkills
from conjure_magic.errors import BackendUnavailableError, ConjureError, UsageError

if TYPE_CHECKING:
    from conjure_magic.backends.native.host import Host

GROUP = "conjure_magic.backends"
"""Entry point group for third-party backends."""
BUILT_IN = {
    "native": "conjure_magic.backends.native.opener",
    "anthropic": "conjure_magic.backends.hosted.opener",
    "docker": "conjure_magic.backends.docker",
    "local": "conjure_magic.backends.local",
}
"""Name -> the module with its `OPENER`, in the order in which backends may claim skills."""

Factory = Callable[[BackendSetup], Backend]
OTHERS: dict[str, Opener] = {}
"""Registered backends by name, without entry points; see `backend_names` for all."""


def register_backend(name: str, opener: Opener | Factory) -> None:
    """Register a backend under a name; `Session(backend=NAME)` opens it once for each session.

    Args:
        name: a letter, then letters, digits, - and _. Registering a name again replaces the earlier backend.
        opener: an `Opener`. For a backend without options, a function is enough: it takes a `BackendSetup` and
            returns a `Backend`, or raises BackendUnavailableError with a message that says what is missing.

    Raises UsageError for an invalid name and for the name of a built-in backend.
    """
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise UsageError(f"a backend's name is a letter followed by letters, digits, - and _, not {name!r}")
    if name in BUILT_IN:
        raise UsageError(f"{name} is a built-in backend; choose another name")
    OTHERS[name] = _as_opener(opener)


def backend_names() -> list[str]:
    """Return every name that `Session(backend=…)` accepts."""
    return sorted({*BUILT_IN, *OTHERS, *(point.name for point in _entry_points())})


def find_opener(name: str) -> Opener:
    """Return the opener of the backend with that name.

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
    hint = f"did you mean {near[0]}?" if near else f"available: {', '.join(names)}"
    raise UsageError(f"unknown backend {name!r}; {hint}")


def open_backends(
    chosen: Sequence[str | Backend], setup: Callable[[str], BackendSetup], options: Mapping[str, object]
) -> tuple[Backend, ...]:
    """Open the backends of a session; Backend objects are used as they are.

    Args:
        chosen: names, or Backend objects.
        setup: returns the setup for the backend with a given name.
        options: the options chosen for all backends, by name.

    Raises BackendUnavailableError if one cannot work here, UsageError for invalid options.
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
    """Return the name of a backend that is given as a name or as an object."""
    return backend if isinstance(backend, str) else backend.name


def option_fields() -> dict[str, Field[Any]]:
    """Return the options of all backends by name, as dataclass fields made by `option`."""
    return {field.name: field for _, opener in _openers(backend_names()) for field in opener.option_fields()}


# ---- which backend uses which skill


@dataclass(frozen=True, slots=True)
class Assignment:
    """The skills of a session, by the backend that uses them."""

    own: Mapping[str, tuple[object, ...]]
    """Backend name -> the skills that it claims."""
    folders: tuple[str, ...]
    """Skill folders and names of skills, for the backends that read folders."""
    left_out: tuple[object, ...] = ()
    """Skills chosen earlier that none of the present backends can use."""


@dataclass(frozen=True, slots=True)
class BackendSkills:
    """The skills of a backend that are not folders: in Python, or hosted."""

    backend: str
    kind: str
    """The kind of skill in a list: "Python", "hosted"."""
    skills: Mapping[str, str]
    """Name -> purpose; the purpose may be empty."""


def check_backends(backends: Sequence[str | Backend], host: Host | None = None) -> BackendChoice:
    """Check the backends of a session, and return what claims on skills depend on.

    Raises UsageError for an unknown name, and for two backends with the same tools.
    """
    names = tuple(map(name_of, backends))
    openers = [find_opener(one) if isinstance(one, str) else _known(one.name) for one in backends]
    tool_sets: dict[str, str] = {}
    for name, opener in zip(names, openers, strict=True):
        other = tool_sets.setdefault(opener.tool_set, name) if opener.tool_set else name
        if other != name:
            both = " and ".join(sorted((other, name), reverse=True))
            raise UsageError(f"{both} have the same tools; a session can use only one of them")
    return BackendChoice(names, any(opener.reads_folders for opener in openers), host)


def anchored(skills: Iterable[object], backends: Iterable[str] = ()) -> tuple[object, ...]:
    """Return the skills with relative paths, as in `anthropic:PATH`, made absolute."""
    found = tuple(skills)
    for _, own in _own_skills(backends):
        found = tuple(map(own.anchored, found))
    return found


def assign_skills(skills: Iterable[object], chosen: BackendChoice, before: Assignment | None = None) -> Assignment:
    """Assign the skills to backends.

    Args:
        skills: the skills of the session.
        chosen: its backends.
        before: the earlier assignment, if the skills were chosen then: those that cannot be used now are left out.

    Raises UsageError for a skill that none of the chosen backends can use, unless it is left out.
    """
    given, own = tuple(skills), {}
    left_out = () if before is None else tuple(skill for skill in given if not _is_usable(skill, chosen, before))
    left = tuple(skill for skill in given if skill not in left_out)
    for name, skills_of in _own_skills(chosen.backends):
        own[name], left = skills_of.claim(left, chosen)
    return Assignment(own, tuple(map(str, left)), left_out)


def _is_usable(skill: object, chosen: BackendChoice, before: Assignment) -> bool:
    """True if the chosen backends can use a skill that was usable, or left out, before."""
    try:
        is_folder = bool(assign_skills([skill], chosen).folders)
    except UsageError:
        return False
    # A name that a backend claimed before ("xlsx") is not the name of a folder now.
    return not is_folder or (skill not in before.left_out and str(skill) in before.folders)


def backend_skills(assignment: Assignment, chosen: BackendChoice) -> tuple[BackendSkills, ...]:
    """Return the skills of the chosen backends that are not folders."""
    return tuple(
        BackendSkills(name, own.kind, own.offered(assignment.own.get(name, ()), chosen))
        for name, own in _own_skills(chosen.backends)
        if name in chosen.backends
    )


def skill_spellings(chosen: BackendChoice) -> list[str]:
    """Return the values for `skills` other than folders and names of folder skills."""
    own = [own for name, own in _own_skills(chosen.backends) if name in chosen.backends]
    return [text for skills in own for text in skills.spellings(chosen)]


def explain_missing(names: Sequence[str], missing: ConjureError, chosen: BackendChoice) -> ConjureError:
    """Return the error for skills that were not found, from the backend that can explain it best."""
    for _, own in reversed(_own_skills(chosen.backends)):
        better = own.explain(names, missing, chosen)
        if better is not None:
            return better
    return missing


def _openers(names: Iterable[str]) -> list[tuple[str, Opener]]:
    """Return the openers that can be loaded: third-party backends, then the built-in ones in their order."""
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
    """Return the `OwnSkills` of all backends, chosen or not, in the order in which they may claim skills."""
    openers = _openers([*OTHERS, *chosen, *BUILT_IN])
    return [(name, opener.own_skills) for name, opener in openers if opener.own_skills is not None]


def _entry_points() -> tuple[EntryPoint, ...]:
    """Entry points of the packages installed now. The lookup takes some 30 ms, so it is cached while sys.path is."""
    return _entry_points_in(tuple((folder, _changed(folder)) for folder in sys.path))


@lru_cache(maxsize=1)
def _entry_points_in(state: tuple[tuple[str, int], ...]) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP))


def _changed(folder: str) -> int:
    """Return the modification time of a folder in ns; 0 if it does not exist."""
    try:
        return os.stat(folder or ".").st_mtime_ns
    except OSError:
        return 0


def _known(name: str) -> Opener:
    """Return the opener for the name of a Backend object (for its tools and skills), or a default one."""
    try:
        return find_opener(name)
    except (UsageError, BackendUnavailableError):
        return Opener(_not_openable)


def _not_openable(setup: BackendSetup, _: object) -> Backend:
    raise BackendUnavailableError("a backend given as an object cannot be opened by name")


def _as_opener(given: Opener | Factory) -> Opener:
    if isinstance(given, Opener):
        return given
    return Opener(lambda setup, _: given(setup))


def _loaded(point: EntryPoint) -> Opener:
    try:
        given = point.load()
    except Exception as error:  # importing a third-party package may raise anything
        raise BackendUnavailableError(f"the backend {point.name} ({point.value}) cannot be loaded: {error}") from error
    return _as_opener(given)
