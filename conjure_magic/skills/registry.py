"""The available skills: from the given folders, the project (once trusted), the user's folders, and the package."""

from __future__ import annotations

import difflib
import operator
import os
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from conjure_magic.errors import PackageError, SkillNotFoundError, UsageError
from conjure_magic.phrases import counted
from conjure_magic.remedies import Remedy, option
from conjure_magic.skills.catalogue import entries_of, fit_catalogue
from conjure_magic.skills.discovery import BUNDLED, PROJECT_FOLDERS, Cache, scan, user_folders
from conjure_magic.skills.findings import Finding
from conjure_magic.skills.package import SUFFIXES, open_package
from conjure_magic.skills.project_trust import AskTrust, ProjectTrust
from conjure_magic.skills.ranking import rank
from conjure_magic.skills.skill import Loaded, Scope, Skill
from conjure_magic.skills.trust import TrustStore
from conjure_magic.workspace import expanded

NAME_FOLDER = Remedy("To load them, name the folder: {0}.", option("skills", "./skills"))

MAX_QUERY = 4_000


@dataclass(frozen=True, slots=True)
class SkillChanges:
    """The result of a reload, as sorted names; falsy if nothing changed."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    """Skills whose SKILL.md changed, or whose name now belongs to another one."""
    broken: tuple[str, ...] = ()
    """Skills that can no longer be loaded; the last good state is kept."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.broken)


@dataclass(frozen=True)
class _State:
    """Everything that a reload replaces atomically."""

    skills: Mapping[str, Skill] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    """The names of all skills that could be loaded, offered or not."""
    found: tuple[Finding, ...] = ()
    broken: tuple[str, ...] = ()
    source: tuple[Loaded, ...] = ()
    """The results of the scan, in order."""
    shadowed: tuple[tuple[Skill, Skill], ...] = ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the scan, and the limits of the catalogue that a model reads."""
        return tuple(dict.fromkeys((*self.found, *_catalogue_findings(self.skills.values()))))


@dataclass
class _Gathering:
    """Collects skills in order of precedence; the first with a name is kept."""

    good: Mapping[str, Skill]
    """Path of SKILL.md -> the last good state, for skills that have broken since."""
    skills: dict[str, Skill] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    shadowed: list[tuple[Skill, Skill]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def add(self, loaded: Loaded) -> None:
        skill = loaded.skill
        if skill is None:
            self.findings += loaded.findings
            self._keep_last_good(loaded)
        elif skill.folder not in self.seen:
            self.findings += loaded.findings
            self._place(skill)

    def _place(self, skill: Skill) -> None:
        self.seen.add(skill.folder)
        first = self.skills.setdefault(skill.name, skill)
        if first is not skill:
            text = f"{skill.name} ({skill.scope}) is shadowed by {first.location} ({first.scope})"
            self.findings.append(Finding("shadowed", text, skill.location))
            self.shadowed.append((skill, first))

    def _keep_last_good(self, loaded: Loaded) -> None:
        for finding in loaded.findings:
            last = self.good.get(str(finding.path)) if finding.level == "error" else None
            if last is not None and last.folder not in self.seen and last.location.exists():
                kept = Finding(
                    "kept", f"{last.name} can no longer be loaded; its last good state is kept", last.location
                )
                self.findings.append(kept)
                self.broken.append(last.name)
                self._place(replace(last, findings=(*last.findings, *loaded.findings, kept)))


class SkillRegistry:
    """The skills of a session, loaded on creation and again by `reload`.

    Precedence: the given paths, the project, the user's folders, the bundled skills. A skill with the name of an
    earlier one is in `findings` as "shadowed". Reading is safe while another thread reloads.

    Args:
        paths: skill folders, folders of skills, or `.skill` packages; naming one implies trust.
        names: restrict the catalogue to these, plus those from `paths`.
        project: the project's folder; its `skills` and `.agents/skills` are loaded once it is trusted.
        ask_trust: asks once whether the project is trusted; the answer is remembered.
        user: search `~/.agents/skills` and the `skills` folder in Conjure's data directory.
        bundled: include the skills of this package.

    Raises UsageError for a path that is not a folder, PackageError for a package that cannot be accepted,
    SkillNotFoundError for an unknown name.
    """

    def __init__(
        self,
        paths: Iterable[str | Path] = (),
        *,
        names: Iterable[str] = (),
        project: str | Path | None = None,
        ask_trust: AskTrust | None = None,
        user: bool = True,
        bundled: bool = True,
        trust: TrustStore | None = None,
    ) -> None:
        self._paths = tuple(_folder(path) for path in paths)
        self._names = tuple(dict.fromkeys(_normal(name) for name in names))
        self._project = Path(os.path.realpath(Path(project).expanduser())) if project is not None else None
        self._user_folders = user_folders() if user else ()
        self._bundled = bundled
        self._cache = Cache()
        self._unpacked: dict[Path, Path] = {}
        others = (*self._user_folders, *((BUNDLED,) if bundled else ()))
        self._project_trust = ProjectTrust(ask_trust, trust if trust is not None else TrustStore(), others)
        self._reloading = threading.Lock()
        self._state = _State()
        self.reload()
        for name in self._names:
            self.get(name)

    def __repr__(self) -> str:
        return f"SkillRegistry({', '.join(self._state.skills) or 'no skills'})"

    def list(self) -> tuple[Skill, ...]:
        """Return the skills, sorted by name."""
        return tuple(self._state.skills.values())

    def get(self, name: str) -> Skill:
        """Return the skill with that name. Raises SkillNotFoundError, which suggests similar names."""
        state = self._state
        found = state.skills.get(_normal(name))
        if found is not None:
            return found
        known = sorted(state.known)
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        listed = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
        hint = f"did you mean {' or '.join(close)}?" if close else f"available: {listed or 'none'}"
        waiting = [f.message for f in state.found if f.code in ("untrusted", "not-asked")]
        raise SkillNotFoundError("; ".join((f"unknown skill {name!r}", hint, *waiting)))

    def find(self, text: str) -> tuple[Skill, ...]:
        """Return the skills whose name or description shares words with the text, best match first."""
        skills = self.list()
        scores = rank(text[:MAX_QUERY], [(skill.name, skill.description) for skill in skills])
        order = sorted(range(len(skills)), key=lambda index: (-scores[index], skills[index].name))
        return tuple(skills[index] for index in order if scores[index] > 0)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Notes for the user on skills that were omitted, repaired, shadowed or not trusted, in search order."""
        return self._state.findings

    @property
    def shadowed(self) -> tuple[tuple[Skill, Skill], ...]:
        """Pairs (shadowed skill, the skill used instead), in search order."""
        return self._state.shadowed

    def reload(self) -> SkillChanges:
        """Search the folders again and return the changes. Files that did not change on disk are not read again."""
        with self._reloading:
            before = self._state
            given = tuple(self._scan_given())
            source = (*given, *self._scan_others())
            if len(source) == len(before.source) and all(map(operator.is_, source, before.source)):
                return SkillChanges(broken=before.broken)
            self._state = self._gather(source, {loaded.skill.name for loaded in given if loaded.skill}, before)
            return _changes(before.skills, self._state)

    def recheck(self) -> None:
        """Reload, and ask, if a skill of the project has changed since it was trusted."""
        if self._project_trust.is_outdated():
            self.reload()

    def _gather(self, source: tuple[Loaded, ...], given: set[str], before: _State) -> _State:
        """Build the state from the results of a scan, sorted by name."""
        found = _Gathering({f"{skill.folder}/{skill.file}": skill for skill in before.skills.values()})
        for loaded in source:
            found.add(loaded)
        chosen = found.skills
        if self._names:
            chosen = {name: skill for name, skill in chosen.items() if name in self._names or name in given}
        skills = {name: chosen[name] for name in sorted(chosen)}
        broken = tuple(name for name in skills if name in found.broken)
        return _State(skills, frozenset(found.skills), tuple(found.findings), broken, source, tuple(found.shadowed))

    def _scan_given(self) -> Iterator[Loaded]:
        for path in self._paths:
            if path.suffix in SUFFIXES and not path.is_dir():
                yield from self._scan_package(path)
            else:
                yield from scan(path, "given", self._cache)

    def _scan_package(self, path: Path) -> Iterator[Loaded]:
        """Scan a package; an error in one that was loaded before names its SKILL.md, so that the skill is kept."""
        try:
            folder = open_package(path)
        except PackageError as error:
            last = self._unpacked.get(path) if path.exists() else None
            about = path if last is None else last / "SKILL.md"
            yield Loaded(None, (Finding(error.code, str(error), about, "error"),))
        else:
            self._unpacked[path] = folder
            yield from scan(folder, "given", self._cache)

    def _scan_others(self) -> Iterator[Loaded]:
        if self._project is not None:
            yield from self._scan_project(self._project)
        yield from self._scan_all(self._user_folders, "user")
        if self._bundled:
            yield from self._scan_all((BUNDLED,), "bundled")

    def _scan_all(self, folders: Iterable[Path], scope: Scope) -> Iterator[Loaded]:
        for folder in folders:
            if folder.is_dir():
                yield from scan(folder, scope, self._cache)

    def _scan_project(self, project: Path) -> Iterator[Loaded]:
        """Yield the project's skills if the user trusts it, else a finding."""
        own = {os.path.realpath(folder) for folder in self._user_folders}
        folders = [folder for name in PROJECT_FOLDERS if os.path.realpath(folder := project / name) not in own]
        outside = [folder for folder in folders if not Path(os.path.realpath(folder)).is_relative_to(project)]
        for folder in outside:
            if folder.is_dir():
                yield _notice("link-outside", "is a link to a folder outside of the project and was not loaded", folder)
        found = [
            x for x in self._scan_all((f for f in folders if f not in outside), "project") if not self._is_given(x)
        ]
        names = tuple(loaded.skill.name for loaded in found if loaded.skill)
        if not names:
            yield from found
            return
        what = f"{len(names)} skills of this project were" if len(names) > 1 else f"the project's skill {names[0]} was"
        trusted, forgotten = self._project_trust.ask(project, [loaded.skill for loaded in found if loaded.skill])
        if forgotten:
            yield _notice("not-remembered", f"your answer could not be remembered: {forgotten}", project)
        if trusted:
            yield from found
        elif trusted is None:
            text = f"{what} not loaded: there is no way to ask here whether you trust it"
            yield _notice("not-asked", text, project, NAME_FOLDER)
        else:
            text = f"{what} not loaded: you do not trust it"
            yield _notice("untrusted", text, project, NAME_FOLDER)

    def _is_given(self, loaded: Loaded) -> bool:
        """True if a path that was named covers the skill, so that it is loaded already."""
        skill = loaded.skill
        return skill is not None and any(skill.directory.is_relative_to(path) for path in self._paths)


def load_skills(paths: Iterable[str | Path]) -> tuple[Skill, ...]:
    """Load the skills in the given folders, each a skill or a folder of skills; skip those that cannot be loaded.

    The `findings` of `SkillRegistry(paths)` say why. Raises UsageError for a path that is not a folder.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    return SkillRegistry(given, user=False, bundled=False).list()


def _normal(name: str) -> str:
    return unicodedata.normalize("NFKC", name)


def _folder(path: str | Path) -> Path:
    """Resolve a path to a skill folder or a package, which is unpacked. Raises UsageError and PackageError."""
    folder = expanded(path)
    if folder.name in ("SKILL.md", "skill.md"):
        folder = folder.parent
    if folder.suffix in SUFFIXES and os.path.isfile(folder):
        open_package(folder)
    elif not os.path.isdir(folder):  # unlike Path's, it never raises
        raise UsageError(f"the skills folder {str(path)!r} does not exist or is not a folder")
    return folder.resolve()


def _notice(code: str, text: str, path: Path, remedy: Remedy | None = None) -> Loaded:
    return Loaded(None, (Finding(code, text, path, remedy=remedy),))


def _catalogue_findings(skills: Iterable[Skill]) -> Iterator[Finding]:
    """Yield findings on skills that are shortened in, or missing from, the model's catalogue."""
    fitted = fit_catalogue(entries_of(skills))
    if fitted.shortened:
        yield Finding(
            "catalogue-shortened", f"the model sees {counted(fitted.shortened, 'shortened description')}, to save space"
        )
    if fitted.omitted:
        names = ", ".join(fitted.omitted[:5])
        left = counted(len(fitted.omitted), "skill")
        text = f"{left} did not fit in the model's catalogue: {names}, …; name the ones you need"
        yield Finding("catalogue-omitted", text)


def _changes(before: Mapping[str, Skill], state: _State) -> SkillChanges:
    after = state.skills
    return SkillChanges(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(n for n in after if n in before and n not in state.broken and after[n] != before[n]),
        broken=state.broken,
    )
