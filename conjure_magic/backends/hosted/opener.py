"""Opening the backend `anthropic`, and its claim on skills that run in Anthropic's container."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conjure_magic.backends.base import Backend
from conjure_magic.backends.hosted.skills import CHOOSE, DOCUMENT_SKILLS, SkillSpec, anchored, split_hosted
from conjure_magic.backends.opener import BackendChoice, BackendSetup, NoOptions, Opener
from conjure_magic.errors import ConjureError, SkillSpecError

NAME = "anthropic"


class HostedSkills:
    """The claim on document skills, `custom:ID`, and folders to upload: `anthropic:PATH`."""

    kind = "hosted"

    def anchored(self, skill: object) -> object:
        """Return the skill with the path of a folder to upload made absolute."""
        return anchored(skill) if isinstance(skill, str) else skill

    def claim(self, skills: Sequence[object], chosen: BackendChoice) -> tuple[tuple[object, ...], tuple[object, ...]]:
        """Return (hosted skills as `SkillSpec`, all others).

        Raises SkillSpecError for a skill that none of the chosen backends can use, TooManySkillsError.
        """
        texts = [skill for skill in skills if isinstance(skill, str)]
        objects = tuple(skill for skill in skills if not isinstance(skill, str))
        own, others = split_hosted(texts, hosted=NAME in chosen.backends, folders=chosen.reads_folders)
        return own, (*objects, *others)

    def offered(self, own: Sequence[object], chosen: BackendChoice) -> Mapping[str, str]:
        """Return the skills as the user spells them; by default all of Anthropic's document skills."""
        return dict.fromkeys([spec.typed for spec in own if isinstance(spec, SkillSpec)] or DOCUMENT_SKILLS, "")

    def spellings(self, chosen: BackendChoice) -> Sequence[str]:
        """The document skills."""
        return DOCUMENT_SKILLS

    def explain(self, names: Sequence[str], missing: ConjureError, chosen: BackendChoice) -> ConjureError | None:
        """Explain a document skill's name in a session without this backend."""
        for name in names:
            if name in DOCUMENT_SKILLS:
                return SkillSpecError(f"{name} is a skill of Anthropic's", remedy=CHOOSE)
        return None


def open_hosted(setup: BackendSetup, options: NoOptions) -> Backend:
    """Return the backend for a session, which connects in its first turn."""
    from conjure_magic.backends.hosted.backend import HostedBackend

    return HostedBackend(
        [spec for spec in setup.own_skills if isinstance(spec, SkillSpec)],
        others=[name for name in setup.backends if name != NAME],
        configured=setup.credentials,
        limit=setup.settings.hosted_limit,
        secrets=setup.secrets,
        kept=setup.kept,
    )


OPENER = Opener(open_hosted, reads_folders=False, own_skills=HostedSkills())
