"""How a backend is opened: what a session offers it, the options that are its own, and its claim on skills.

A new backend is one file with an `Opener`, and one line: in the table of `conjure_magic.backends`, a call of
`register_backend`, or an entry point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from conjure_magic.api.keys import Credentials, credentials
from conjure_magic.backends.base import Backend
from conjure_magic.errors import ConjureError
from conjure_magic.secrets import known_secrets
from conjure_magic.settings import Settings
from conjure_magic.skills.registry import SkillRegistry
from conjure_magic.workspace import Workspace

if TYPE_CHECKING:
    from conjure_magic.backends.native.host import Host


def option(default: Any, *, help: str, metavar: str = "VALUE") -> Any:  # noqa: A002 - as argparse calls it
    """A field of a backend's options: an option of a Session and of a cell, with what the help says of it.

    One that is called as an option of every cell is (`session`, `timeout`, …) can only be given to a `Session`.

    Args:
        default: its value where nothing is chosen; its type is what is typed: a text, a number, or True and False.
        help: what it is for.
        metavar: what stands for the value in the help.
    """
    return field(default=default, metadata={"help": help, "metavar": metavar})


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Of a backend that has no options of its own."""


@dataclass(frozen=True, slots=True)
class BackendSetup:
    """What a session has to offer to a new backend."""

    workspace: Workspace
    skills: SkillRegistry
    settings: Settings
    secrets: Callable[[], Iterable[str]] = known_secrets
    """What no output may show, asked again with each command."""
    session: str = ""
    """The session's name."""
    own_skills: tuple[object, ...] = ()
    """The skills that this backend claimed, see `OwnSkills`; empty where the person named none."""
    host: Host | None = None
    """The kernel around; None in a plain script."""
    names_input: bool = False
    """True where the person named the input folder, so that it may be any."""
    backends: tuple[str, ...] = ()
    """The names of all backends of the session."""
    memory: dict[str, Any] = field(default_factory=dict)
    """What a backend wants to find again, under its name, when it is opened again in the same conversation."""
    credentials: Callable[[], Credentials] = credentials
    """Whom requests come from and where they go, asked again with each connection."""

    def skill_folders(self) -> dict[str, Path]:
        """Skill name -> its folder on this machine, as the registry has them now."""
        return {skill.name: skill.directory for skill in self.skills.list()}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The backends that a session chose, as far as a claim on skills depends on them."""

    backends: tuple[str, ...]
    """Their names."""
    reads_folders: bool
    """True if one of them works with skill folders."""
    host: Host | None = None
    """The kernel around; None in a plain script."""

    @property
    def namespace(self) -> Mapping[str, Any]:
        """The person's variables; empty in a plain script."""
        return self.host.namespace if self.host is not None else {}


class OwnSkills(Protocol):
    """A backend's answer to "which of these skills are yours?", for one whose skills are no folders on this machine.

    It is asked whether or not the backend takes part, so that it can say what is missing.
    """

    kind: str
    """What such a skill is called in a list: "Python", "hosted"."""

    def anchored(self, skill: object) -> object:
        """The same skill, a relative path in it replaced by the absolute one; all else as it is."""
        ...

    def claim(self, skills: Sequence[object], chosen: Chosen) -> tuple[tuple[object, ...], tuple[object, ...]]:
        """(the skills that are its own, in the form in which it wants to be given them; all others, as they are).

        Raises UsageError for a skill that none of the chosen backends can take.
        """
        ...

    def offered(self, own: Sequence[object], chosen: Chosen) -> Mapping[str, str]:
        """Name -> purpose, or nothing, of the skills that it offers where it claimed these."""
        ...

    def spellings(self, chosen: Chosen) -> Sequence[str]:
        """What may be given as `skills` for it."""
        ...

    def explain(self, names: Sequence[str], missing: ConjureError, chosen: Chosen) -> ConjureError | None:
        """What to raise in the place of `missing`, if it knows better why a skill of these names is not found."""
        ...


@dataclass(frozen=True, slots=True)
class Opener:
    """A backend as the table knows it, before it is opened."""

    open: Callable[[BackendSetup, Any], Backend]
    """Opens it for a session, given its options. Raises BackendUnavailableError, which says what it needs."""
    options: type = NoOptions
    """A frozen dataclass of `option` fields."""
    tool_set: str = ""
    """Of the backends that share one, a session takes one: their tools have the same names."""
    reads_folders: bool = True
    """True if it works with skill folders on this machine."""
    own_skills: OwnSkills | None = None
    """What answers for skills that are no folders; None if it has none."""

    def option_fields(self) -> tuple[Field[Any], ...]:
        """The options that are its own."""
        return fields(self.options)

    def read_options(self, given: Mapping[str, object]) -> Any:
        """Its options, out of what was chosen for any backend. Raises UsageError for a value that cannot be."""
        return self.options(**{f.name: given[f.name] for f in self.option_fields() if f.name in given})
