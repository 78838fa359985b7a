"""The sessions of a kernel: which one a cell uses, and how the cell's options change it."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from conjure_magic.backends.native.host import Host
from conjure_magic.errors import BackendUnavailableError, UsageError
from conjure_magic.events import TurnResult
from conjure_magic.magics.options import flatten, suggest, typed_options
from conjure_magic.secrets import Key
from conjure_magic.session.options import ModelLike
from conjure_magic.session.session import Session
from conjure_magic.settings import Settings
from conjure_magic.skills.project_trust import AskTrust


@dataclass
class Sessions:
    """All sessions of the kernel by name, the current one, and the choices of `%conjure use` for new ones."""

    settings: Settings
    namespace: Callable[[], Mapping[str, Any]]
    ask_trust: AskTrust
    by_name: dict[str, Session] = field(default_factory=dict)
    current_name: str = "main"
    chosen: dict[str, Any] = field(default_factory=dict)
    key: Key | None = None
    """The API key entered at `%conjure key`, in memory only."""
    host: Host | None = None
    """The kernel, for native skills."""
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By session name, the settings that no option overrode: the session follows them when they change."""

    @property
    def current(self) -> Session:
        """The current session, created if necessary."""
        return self.open(self.current_name)

    def open(self, name: str, **choice: Any) -> Session:
        """The session of that name; a new one is created with `choice`, which overrides that of `%conjure use`."""
        session = self.by_name.get(name)
        if session is None:
            self.settings.read_environment()
            given = merged(self.chosen, choice)
            session = Session(
                name=name, settings=self.settings, ask_trust=self.ask_trust, key=self.key, host=self.host, **given
            )
            self.by_name[name] = session
            self.taken[name] = {key: value for key, value in self.defaults().items() if key not in given}
        return session

    def defaults(self) -> dict[str, Any]:
        """The choice made by the settings (`%config` and environment variables)."""
        return {
            "backend": self.settings.chosen_backend,
            "skills": list(self.settings.skills),
            "model": self.settings.model,
        }

    def up_to_date(self) -> Session:
        """The current session, updated to the settings. Raises UsageError if they name something unknown."""
        session = self.current
        if not session.is_busy:
            self.use(session, {})
        return session

    def use(self, session: Session, choice: Mapping[str, Any]) -> None:
        """Apply a choice to an existing session, and the current settings where nothing was ever chosen.

        Raises UsageError if the choice names something unknown; then nothing changes.
        """
        self.settings.read_environment()
        chosen = {key: value for key, value in choice.items() if value is not None}
        taken = {key: value for key, value in self.taken.get(session.name, {}).items() if key not in chosen}
        now = {key: value for key, value in self.defaults().items() if key in taken}
        changed = {key: value for key, value in now.items() if value != taken[key]}
        if changed or chosen:
            session.use(**changed, **chosen)
        self.taken[session.name] = now

    def pick(self, options: argparse.Namespace) -> Session:
        """Return the session that the options select, with their choice applied, and make it the current one."""
        name = check_name(options.session) if options.session else self.current_name
        choice = self.choice(options)
        known = name in self.by_name
        session = self.open(name, **choice)
        if known:
            self.use(session, choice)
        self.current_name = name
        return session

    @contextlib.contextmanager
    def picked(self, options: argparse.Namespace) -> Iterator[Session]:
        """The session that the options select, as from `pick`.

        If its backends cannot be opened inside the block, the options' choice is withdrawn, so that the next cell
        works as before.
        """
        current, name = self.current_name, options.session or self.current_name
        known = self.by_name.get(name)
        before, taken = known.choice if known is not None else None, self.taken.get(name, {})
        session = self.pick(options)
        try:
            yield session
        except BackendUnavailableError:
            self.current_name = current
            if before is not None:
                session.restore(before)
                self.taken[name] = taken
            else:
                del self.by_name[name], self.taken[name]
                session.close()
            raise

    def choice(self, options: argparse.Namespace) -> dict[str, Any]:
        """The choice made by a cell's options; None for each option that was not given."""
        return {
            "backend": flatten(options.backend),
            "skills": flatten(options.skills),
            "model": self.model(options.model),
            "workspace": getattr(options, "workspace", None),
            "input": getattr(options, "input", None),
            "options": typed_options(options),
        }

    def model(self, name: str | None) -> ModelLike | None:
        """The callable in the kernel variable of this name, else the name itself; None if no name was given."""
        if name is None or name in self.settings.models:
            return name
        value = self.namespace().get(name)
        if callable(value) or hasattr(value, "stream"):
            return value
        return name

    def find(self, name: str) -> Session:
        """The session of that name. Raises UsageError if there is none."""
        if name not in self.by_name:
            raise UsageError(f"no session {name!r}{suggest(name, self.by_name)}")
        return self.by_name[name]

    def session_names(self) -> list[str]:
        """The names of all sessions, sorted."""
        return sorted(self.by_name)

    def skill_names(self) -> list[str]:
        """The skills of the current session, and the spellings of those that are not folders."""
        return [*(skill.name for skill in self.current.skills.list()), *self.current.skill_spellings]

    def model_names(self) -> list[str]:
        """The offline model, and the models named in the settings."""
        return ["offline", *map(str, self.settings.models)]

    def variable_names(self) -> list[str]:
        """The user's variables, without those that start with an underscore."""
        return sorted(name for name in self.namespace() if not name.startswith("_"))

    def session_of(self, result: TurnResult) -> Session | None:
        """The session that contains this turn; None if the turn was removed, or is from another kernel."""
        return next((s for s in self.by_name.values() if any(turn.id == result.id for turn in s.turns)), None)

    def use_key(self, key: Key) -> None:
        """Use this key in all sessions. Raises UsageError if it cannot be used."""
        for session in self.by_name.values():
            session.use_key(key)
        self.key = key

    def close(self) -> None:
        """Close them all."""
        while self.by_name:
            self.by_name.popitem()[1].close()


def check_name(name: str) -> str:
    """Return the name. Raises UsageError if it is not a valid name for a session."""
    if not name.strip() or len(name) > 64 or not name.isprintable():
        raise UsageError("a session's name must have 1 to 64 printable characters")
    if name.startswith("-"):
        raise UsageError(f"a session's name must not start with a hyphen: {name!r}")
    return name


def merged(before: Mapping[str, Any], choice: Mapping[str, Any]) -> dict[str, Any]:
    """The earlier choice, overridden by the new one; the backends' options are merged."""
    given = {key: value for key, value in choice.items() if value is not None}
    options = {**before.get("options", {}), **given.get("options", {})}
    return {**before, **given, **({"options": options} if options else {})}
