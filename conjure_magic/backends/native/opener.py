"""The backend `native` as a session opens it, and its claim on skills written in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conjure_magic.backends.base import Backend
from conjure_magic.backends.bundled_native import bundled
from conjure_magic.backends.native.host import Host
from conjure_magic.backends.native.names import (
    Variable,
    about,
    meant_as_python,
    python_skills,
    split_skills,
    spoken_name,
)
from conjure_magic.backends.opener import BackendChoice, BackendSetup, NoOptions, Opener
from conjure_magic.errors import ConjureError, SkillNotFoundError, UsageError
from conjure_magic.remedies import Remedy, option

NAME = "native"


def _bundled(host: Host | None) -> dict[str, object]:
    return {**bundled(with_kernel=host is not None)}


class PythonSkills:
    """The claim on native skills: objects, names of variables, and names of bundled skills."""

    kind = "Python"

    def anchored(self, skill: object) -> object:
        """Return the skill unchanged: a skill in Python has no path."""
        return skill

    def claim(self, skills: Sequence[object], chosen: BackendChoice) -> tuple[tuple[object, ...], tuple[object, ...]]:
        """Return (native skills, folders and names of others).

        Raises UsageError for an object that is not a native skill, and for a native skill without the backend native.
        """
        own, others = split_skills(skills, chosen.namespace, _bundled(chosen.host))
        if own and NAME not in chosen.backends:
            raise UsageError(
                f"{spoken_name(own[0])} is a skill in Python, which needs the backend native",
                remedy=Remedy("Choose {0} (or native,local).", option("backend", NAME)),
            )
        return own, others

    def offered(self, own: Sequence[object], chosen: BackendChoice) -> Mapping[str, str]:
        """Return the named skills, or else the bundled ones, with the first line of each description."""
        skills = own or tuple(_bundled(chosen.host).values())
        return {spoken_name(skill): about(skill, chosen.namespace) for skill in skills}

    def spellings(self, chosen: BackendChoice) -> Sequence[str]:
        """Return the names of the bundled skills, and of variables with a native skill."""
        return tuple(python_skills(chosen.namespace, _bundled(chosen.host)))

    def explain(self, names: Sequence[str], missing: ConjureError, chosen: BackendChoice) -> ConjureError | None:
        """Suggest a native skill with a similar name, explain a plain function, or list the skills in Python."""
        known = _bundled(chosen.host)
        for why in filter(None, (meant_as_python(name, chosen.namespace, known) for name in names)):
            return UsageError(why)
        if NAME not in chosen.backends:
            return None
        return SkillNotFoundError(f"{missing}; skills in Python: {', '.join(self.spellings(chosen))}")


def open_native(setup: BackendSetup, options: NoOptions) -> Backend:
    """Return the backend for a session; variables are looked up again for each turn."""
    from conjure_magic.backends.native.backend import NativeBackend

    def skills() -> list[object]:
        namespace = setup.host.namespace if setup.host is not None else {}
        return [skill.look_up(namespace) if isinstance(skill, Variable) else skill for skill in chosen]

    chosen = setup.own_skills or tuple(_bundled(setup.host).values())
    return NativeBackend(skills, session=setup.session, host=setup.host, settings=setup.settings, secrets=setup.secrets)


OPENER = Opener(open_native, reads_folders=False, own_skills=PythonSkills())
