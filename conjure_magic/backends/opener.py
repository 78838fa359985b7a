"""Opening a backend: its setup from the session, its own options, and its claim on skills.

A new backend is one file with an `Opener`, and one line: an entry in the table of `conjure_magic.backends`, a call of
`register_backend`, or an entry point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from conjure_magic.api.credentials import Credentials, credentials
from conjure_magic.backends.base import Backend
from conjure_magic.errors import ConjureError
from conjure_magic.secrets import known_secrets
from conjure_magic.settings import Settings
from conjure_magic.skills.registry import SkillRegistry
from conjure_magic.workspace import Workspace

if TYPE_CHECKING:
    from conjure_magic.backends.native.host import Host


def option(default: Any, *, help: str, metavar: str = "VALUE") -> Any:  # noqa: A002 - as argparse calls it
    """Declare a field of a backend's options, which becomes an option of `Session` and of a cell.

    A field with the name of an option that every cell has (`session`, `timeout`, …) can only be given to `Session`.

    Args:
        default: the default value; its type decides how a typed value is read: a string, a number or a bool.
        help: the description in the help.
        metavar: the placeholder for the value in the help.
    """
    return field(default=default, metadata={"help": help, "metavar": metavar})


@dataclass(frozen=True, slots=True)
class NoOptions:
    """The options of a backend without options of its own."""


@dataclass(frozen=True, slots=True)
class BackendSetup:
    """Everything that a session passes to a new backend."""

    workspace: Workspace
    skills: SkillRegistry
    settings: Settings
    secrets: Callable[[], Iterable[str]] = known_secrets
    """Return the values that no output may show; called again for each command."""
    session: str = ""
    """The session's name."""
    own_skills: tuple[object, ...] = ()
    """The skills that this backend claimed, see `OwnSkills`; empty if the user named none."""
    host: Host | None = None
    """The kernel that the session belongs to; None in a plain script."""
    names_input: bool = False
    """True if the user named the input folder, so that any folder is allowed."""
    backends: tuple[str, ...] = ()
    """The names of all backends of the session."""
    kept: dict[str, Any] = field(default_factory=dict)
    """State by backend name that is kept when a backend is opened again in the same conversation."""
    credentials: Callable[[], Credentials] = credentials
    """Return the key and the address for requests; called again for each connection."""

    def skill_folders(self) -> dict[str, Path]:
        """Map the name of each skill in the registry to its folder on this machine."""
        return {skill.name: skill.directory for skill in self.skills.list()}


@dataclass(frozen=True, slots=True)
class BackendChoice:
    """The backends of a session, as far as claims on skills depend on them."""

    backends: tuple[str, ...]
    """Their names."""
    reads_folders: bool
    """True if one of them works with skill folders."""
    host: Host | None = None
    """The kernel that the session belongs to; None in a plain script."""

    @property
    def namespace(self) -> Mapping[str, Any]:
        """The user's variables; empty in a plain script."""
        return self.host.namespace if self.host is not None else {}


class OwnSkills(Protocol):
    """A backend's claim on skills that are not folders on this machine.

    It is also asked if the session does not use the backend, so that it can say what is missing.
    """

    kind: str
    """The kind of skill in a list: "Python", "hosted"."""

    def anchored(self, skill: object) -> object:
        """Return the same skill with a relative path made absolute."""
        ...

    def claim(self, skills: Sequence[object], chosen: BackendChoice) -> tuple[tuple[object, ...], tuple[object, ...]]:
        """Return (the skills of this backend, in the form that its opener expects; all others, unchanged).

        Raises UsageError for a skill that none of the chosen backends can use.
        """
        ...

    def offered(self, own: Sequence[object], chosen: BackendChoice) -> Mapping[str, str]:
        """Return the skills that it offers, given the ones it claimed: name -> purpose, which may be empty."""
        ...

    def spellings(self, chosen: BackendChoice) -> Sequence[str]:
        """Return the values that it accepts in `skills`."""
        ...

    def explain(self, names: Sequence[str], missing: ConjureError, chosen: BackendChoice) -> ConjureError | None:
        """Return a better error than `missing` if it knows why skills of these names were not found, else None."""
        ...


@dataclass(frozen=True, slots=True)
class Opener:
    """An entry of the table of backends."""

    open: Callable[[BackendSetup, Any], Backend]
    """Open the backend for a session, given its options. Raises BackendUnavailableError if something is missing."""
    options: type = NoOptions
    """A frozen dataclass of `option` fields."""
    tool_set: str = ""
    """A session uses at most one of the backends with the same tool set, since their tools have the same names."""
    reads_folders: bool = True
    """True if it works with skill folders on this machine."""
    own_skills: OwnSkills | None = None
    """Its claim on skills that are not folders; None if it has no such skills."""

    def option_fields(self) -> tuple[Field[Any], ...]:
        """Return the options of this backend."""
        return fields(self.options)

    def read_options(self, given: Mapping[str, object]) -> Any:
        """Pick this backend's options from the options of all backends. Raises UsageError for an invalid value."""
        return self.options(**{f.name: given[f.name] for f in self.option_fields() if f.name in given})
