"""Displays of `%conjure`: sessions, skills, files and settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from conjure_magic.artifacts import media_type
from conjure_magic.magics.hints import in_cell
from conjure_magic.models.token_counts import estimated_tokens
from conjure_magic.phrases import counted
from conjure_magic.remedies import with_remedy
from conjure_magic.render import Table
from conjure_magic.render import render_state as render
from conjure_magic.render.turn import cost_words, token_words

if TYPE_CHECKING:
    from conjure_magic.magics.sessions import Sessions
    from conjure_magic.session import Session
    from conjure_magic.settings import Settings
    from conjure_magic.skills import Finding, Package, SkillChanges

Bundle = dict[str, Any]
NOT_A_MODEL = "offline (rules, not a language model)"
GRANTS_NOTHING = (
    "allowed-tools is shown as the skill's author wrote it. It grants nothing by itself: every command still asks "
    "first, unless you allow it."
)

SHOWN = 200
"""Maximum number of rows of a table."""


def render_session(session: Session) -> Bundle:
    """A session: its model and backends, its usage, and where its files are."""
    return render(f"Session {session.name}", _values(session))


def render_state(sessions: Sessions) -> Bundle:
    """The current session, and the names of the others."""
    others = [name for name in sessions.by_name if name != sessions.current_name]
    values = _values(sessions.current)
    if others:
        values.append(("other sessions", ", ".join(others)))
    return render(f"Session {sessions.current_name}", values, note="%conjure help lists the commands.")


def render_sessions(sessions: Sessions) -> Bundle:
    """All sessions, with the current one marked."""
    rows = [
        (
            f"{name} (current)" if name == sessions.current_name else name,
            ", ".join(session.backends),
            session.model.name,
            len(session.turns),
            len(session.files),
        )
        for name, session in sorted(sessions.by_name.items())
    ]
    return render(tables=[Table(("session", "backends", "model", "turns", "files"), rows, empty="no sessions yet")])


def render_skills(session: Session, changes: SkillChanges | None = None) -> Bundle:
    """The skills, those that are shadowed, findings, and what a reload changed."""
    registry = session.skills
    skills = registry.list()
    rows = [(skill.name, skill.scope, skill.description, str(skill.directory)) for skill in skills]
    tables = [Table(("skill", "from", "description", "folder"), rows, empty="no skills")]
    tables += [
        Table(("skill", "description"), list(own.skills.items()), f"{own.kind} ({own.backend})")
        for own in session.backend_skills
        if any(own.skills.values())
    ]
    allowed = [(skill.name, "  ".join(skill.allowed_tools)) for skill in skills if skill.allowed_tools]
    if allowed:
        tables.append(Table(("skill", "allowed-tools"), allowed, "Allowed tools"))
    hidden = [
        (skill.name, skill.scope, str(skill.directory), f"{first.scope}: {first.directory}")
        for skill, first in registry.shadowed
    ]
    if hidden:
        tables.append(Table(("skill", "from", "folder", "shadowed by"), hidden, "Shadowed"))
    findings = [
        (finding.level, with_remedy(str(finding), finding.remedy, in_cell))
        for finding in registry.findings
        if finding.code != "shadowed"
    ]
    if findings:
        tables.append(Table(("", "finding"), findings, "Findings"))
    return render(tables=tables, note=" ".join(filter(None, (_changes(changes), GRANTS_NOTHING if allowed else ""))))


def render_validation(checked: Sequence[tuple[str, Sequence[Finding]]]) -> Bundle:
    """The findings on each skill, errors first."""
    tables = []
    for name, findings in checked:
        rows = [(f.level, f.code, f.message) for f in sorted(findings, key=lambda finding: finding.level)]
        tables.append(Table(("", "code", "finding"), rows, f"{name}: {_verdict(findings)}", empty="no findings"))
    note = "An error violates the Agent Skills specification; a warning is advice."
    return render(tables=tables, note=note if any(findings for _, findings in checked) else "")


def render_package(package: Package) -> Bundle:
    """A package that was written, with the files that it contains and those left out."""
    rows = [(entry,) for entry in package.entries]
    values: list[tuple[str, object]] = [("package", package.path), ("bytes", package.path.stat().st_size)]
    if package.left_out:
        values.append(("left out", ", ".join(package.left_out)))
    note = "Pass its path to --skills, or unpack it with any ZIP tool."
    return render(f"Packed {package.path.stem}", values, [Table(("file",), rows)], note)


def render_files(session: Session) -> Bundle:
    """The files that a session's turns created, and other files in its workspace."""
    header = ("file", "type", "bytes", "saved as")
    rows = [(file.name, file.media_type, file.size, file.shown_path) for file in session.files]
    others = _other_files(session)
    tables = [Table(header, rows, empty="no files yet")]
    if others:
        tables.append(Table(header, others[:SHOWN], "Other files in the workspace"))
    notes = ["%conjure files --save DIR saves copies."] if rows else []
    if len(others) > SHOWN:
        notes.append(f"Only the first {SHOWN} of {len(others):,} are shown.")
    return render(tables=tables, note=" ".join(notes))


def _other_files(session: Session) -> list[tuple[str, str, int, str]]:
    """Rows for files not created by a turn of the conversation: from before a reset, or attached.

    None if the workspace is a folder of the user's own, which is full of other files.
    """
    workspace = session.opened_workspace
    if workspace is None or workspace.in_place:
        return []
    made = {file.shown_path for file in session.files}
    found = [(name, workspace.shown(workspace.root / name), size) for name, (*_, size) in workspace.snapshot().items()]
    return [(name, media_type(name), size, path) for name, path, size in sorted(found) if path not in made]


def render_request(body: str, whole: str = "") -> Bundle:
    """The body of a request, and the whole conversation if the body contains a summary of it."""
    values = [("POST /v1/messages", body)]
    if whole:
        values.append(("conversation without the summary", whole))
    return render("The next request, without its prompt", values)


def render_settings(settings: Settings) -> Bundle:
    """Every setting with its value, environment variable and meaning."""
    rows = [
        (name, repr(getattr(settings, name)), trait.metadata.get("env") or "", trait.help)
        for name, trait in sorted(settings.traits(config=True).items())
    ]
    note = "To change a setting: %config ConjureMagics.NAME = VALUE"
    return render("Settings", tables=[Table(("setting", "value", "environment", "meaning"), rows)], note=note)


def render_help(rows: Sequence[tuple[str, str]]) -> Bundle:
    """The commands of `%conjure`, with usage and summary."""
    note = (
        "To run a request, write it below a %%conjure line. See also: %conjure help cell (options of %%conjure), "
        "%conjure help settings (settings), %conjure help COMMAND."
    )
    return render("Commands", tables=[Table(("command", "what it does"), rows)], note=note)


def _values(session: Session) -> list[tuple[str, object]]:
    skills = [f"{name} ({own.kind})" for own in session.backend_skills for name in own.skills]
    skills += [skill.name for skill in session.skills.list() if session.reads_folders]
    tokens = token_words(session.usage)
    values: list[tuple[str, object]] = [
        ("backends", ", ".join(session.backends)),
        ("model", NOT_A_MODEL if session.model.name == "offline" else session.model.name),
        ("skills", ", ".join(skills) or "none"),
        ("turns", f"{len(session.turns)}{', one is running' if session.is_busy else ''}"),
    ]
    window = session.model.context_window
    if session.context_tokens:
        values.append(("context", _fullness(session.context_tokens, window)))
    elif session.messages and session.model.name != "offline":
        values.append(("context", f"about {_fullness(estimated_tokens(session.messages), window)} (estimated)"))
    if tokens:
        values.append(("tokens", tokens))
    if tokens or session.cost is None:
        values.append(("cost", cost_words(session.cost)))
    values += [
        ("files", _file_count(session)),
        ("workspace", session.opened_workspace.root if session.opened_workspace else "created with the first turn"),
        ("input folder", session.input_folder),
    ]
    return values


def _file_count(session: Session) -> str:
    if session.turns:
        return f"{len(session.files)}"
    return "none in this conversation; earlier ones stay in the workspace" if session.opened_workspace else "none yet"


def _fullness(tokens: int, window: int | None) -> str:
    return f"{tokens:,} tokens" + (f" of {window:,} ({tokens / window:.0%})" if window else "")


def _verdict(findings: Sequence[Finding]) -> str:
    broken = sum(finding.level == "error" for finding in findings)
    if not broken:
        return "valid"
    return f"not valid, {counted(broken, 'error')}"


def _changes(changes: SkillChanges | None) -> str:
    if changes is None:
        return ""
    parts = [f"{word}: {', '.join(getattr(changes, word))}" for word in ("added", "removed", "changed", "broken")]
    told = [part for part in parts if not part.endswith(": ")]
    return f"Reloaded; {'; '.join(told)}." if told else "Reloaded; no changes."
