"""Whether a project's skills may be loaded: what the user trusted, what is new since, and the question about it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from conjure_magic.skills.changes_since_trust import NAMED, SkillToTrust, changed_files, changes, read_text
from conjure_magic.skills.skill import Skill
from conjure_magic.skills.trust import Contents, TrustStore, content_of
from conjure_magic.skills.trusted_edits import own_edits

TrustAnswer = bool | Literal["edits"] | None
"""Yes or no to the skills as they are now; "edits": yes, and to the user's own edits until the kernel ends."""
AskTrust = Callable[[Path, tuple[SkillToTrust, ...]], TrustAnswer]
"""Asks the user whether to trust a project folder with these skills; None if there is no one to ask."""

SHADOWS = "replaces another skill of that name"


class ProjectTrust:
    """The trust in a project's skills, as remembered and as asked.

    Args:
        ask_trust: asks the user; None if there is no one to ask.
        store: the answers so far.
        others: other folders of skills, whose skills the project's would replace.
    """

    def __init__(self, ask_trust: AskTrust | None, store: TrustStore, others: Iterable[Path]) -> None:
        self._ask_trust = ask_trust
        self._store = store
        self._others = tuple(others)
        self._accepted: dict[Path, dict[str, str]] = {}
        """Folder of each trusted skill -> its files as they were trusted."""

    def is_outdated(self) -> bool:
        """True if a trusted skill is no longer as it was."""
        return any(content_of(folder) != content for folder, content in self._accepted.items())

    def ask(self, project: Path, skills: Sequence[Skill]) -> tuple[TrustAnswer, str]:
        """Return whether the project is trusted (remembered or asked now), and why an answer was not remembered.

        A yes covers the skills as they were then: new and changed skills are asked about.
        """
        self._accepted = {}
        before = self._store.get(project)
        if before is False:
            return False, ""
        trusted = self._store.contents(project) if before else {}
        contents = {skill.name: content_of(skill.directory) for skill in skills}
        accepted = {skill.directory: contents[skill.name] for skill in skills}
        news = [found for skill in skills if (found := self._news(skill, contents[skill.name], trusted)) is not None]
        if before and not news:
            self._accepted = accepted
            return True, ""
        answer = self._answer(project, news, skills) if self._ask_trust is not None or before else None
        if answer:
            self._accepted = accepted
        try:
            if answer or (answer is False and before is None):  # a no to a change is not remembered
                self._store.set(project, bool(answer), contents, _texts(skills, contents))
        except OSError as error:
            return answer, str(error.strerror)
        return answer, ""

    def _answer(self, project: Path, news: Sequence[SkillToTrust], skills: Sequence[Skill]) -> TrustAnswer:
        """Return an earlier answer if it covers the user's own edits; otherwise ask."""
        names = {found.name for found in news if found.what}
        edited = {skill.directory: skill for skill in skills if skill.name in names}
        shadows = any(SHADOWS in found.what for found in news)
        if len(names) == len(news) and not shadows and own_edits.cover(project, edited):
            return True
        answer = self._ask_trust(project, tuple(news)) if self._ask_trust is not None else None
        if answer == "edits":
            own_edits.allow(project)
        elif answer:
            own_edits.settled(project)
        elif answer is False:
            own_edits.forget(project)
        return answer

    def _news(self, skill: Skill, content: Mapping[str, str], trusted: Contents) -> SkillToTrust | None:
        """Return what is new about a skill; None if it is unchanged since it was trusted."""
        known = trusted.get(skill.name)
        if known == content:
            return None
        shadowing = any((folder / skill.name / "SKILL.md").exists() for folder in self._others)
        shadows = (SHADOWS,) if shadowing else ()
        if known is None:
            return SkillToTrust(skill.name, (*(("new",) if trusted else ()), *shadows))
        changed = changed_files(known, content)
        more = f" and {len(changed) - NAMED:,} more" if len(changed) > NAMED else ""
        what = f"changed: {', '.join(changed[:NAMED])}{more}"
        shown = [self._changes(skill, name, known, content) for name in changed[:NAMED]]
        return SkillToTrust(skill.name, (what, *shadows), "\n".join(shown))

    def _changes(self, skill: Skill, name: str, known: Mapping[str, str], content: Mapping[str, str]) -> str:
        """Return the changed lines of one of a skill's files."""
        before = self._store.text(known[name]) if name in known else ""
        return changes(f"{skill.name}/{name}", before, read_text(skill.directory, name) if name in content else "")


def _texts(skills: Iterable[Skill], contents: Contents) -> dict[str, str]:
    """Return the text of each file by its hash, if it is still what was asked about."""
    found: dict[str, str] = {}
    for skill in skills:
        for name, digest in contents[skill.name].items():
            text = read_text(skill.directory, name)
            if text is not None and hashlib.sha256(text.encode()).hexdigest() == digest:
                found[digest] = text
    return found
