"""`%conjure hosted`: list, upload, download and delete the skills and files stored at Anthropic."""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from conjure_magic.api.credentials import Credentials, credentials
from conjure_magic.cancel import Cancel, interrupt_guard, interruptible
from conjure_magic.errors import ApiError, CancelledError, UsageError
from conjure_magic.magics.ask_user import ask_whether
from conjure_magic.magics.command_declaration import Command, CommandContext
from conjure_magic.magics.command_output import SHOWN
from conjure_magic.magics.hints import in_cell
from conjure_magic.magics.options import argument
from conjure_magic.phrases import file_size
from conjure_magic.printing import say
from conjure_magic.render import Table
from conjure_magic.render import render_state as render
from conjure_magic.render.text import one_line
from conjure_magic.workspace import expanded

if TYPE_CHECKING:
    from datetime import datetime

    from conjure_magic.api.files import FilesClient
    from conjure_magic.api.skills import HostedSkill, SkillsClient
    from conjure_magic.magics.sessions import Sessions

Bundle = dict[str, Any]


class HostedClients:
    """The clients for files and skills, opened on first use, and the cancellation that stops them."""

    def __init__(self, credentials: Credentials, cancel: Cancel, stack: contextlib.ExitStack) -> None:
        self.cancel = cancel
        self._credentials = credentials
        self._stack = stack

    @functools.cached_property
    def files(self) -> FilesClient:
        """The client for files. Raises UsageError if there is no key for Anthropic's API."""
        from conjure_magic.api.files import FilesClient  # loads the HTTP library

        return self._stack.enter_context(FilesClient(self._credentials, notify=print_notice))

    @functools.cached_property
    def skills(self) -> SkillsClient:
        """The client for skills. Raises as `files` does."""
        from conjure_magic.api.skills import SkillsClient

        return self._stack.enter_context(SkillsClient(self._credentials, notify=print_notice))


def print_notice(notice: Any) -> None:
    """Print a notice, such as that a request will be retried."""
    say(notice.text)


def _credentials(sessions: Sessions) -> Credentials:
    session = sessions.by_name.get(sessions.current_name)
    found = getattr(session.model, "credentials", None) if session is not None else None
    if isinstance(found, Credentials) and found.dialect == "anthropic" and found.key is not None:
        return found
    return credentials(key=sessions.key)


def list_skills(api: HostedClients, options: argparse.Namespace) -> Bundle:
    """List the skills, and how a cell names them."""
    found = list(itertools.islice(api.skills.list(options.source, cancel=api.cancel), SHOWN + 1))
    rows = [
        (skill.id, one_line(skill.display_name, 80), skill.source, skill.latest_version_id, _day(skill.updated_at))
        for skill in found[:SHOWN]
    ]
    header = ("skill", "name", "from", "latest version", "updated")
    note = "Use them with %%conjure --backend anthropic --skills xlsx,custom:skill_…" if rows else ""
    return render(tables=[Table(header, rows, "Skills at Anthropic", "none")], note=_with_more(note, found))


def list_files(api: HostedClients, options: argparse.Namespace) -> Bundle:
    """List the files, newest first."""
    found = list(itertools.islice(api.files.list(cancel=api.cancel), SHOWN + 1))
    rows = [
        (
            file.id,
            one_line(file.filename, 120),
            file.mime_type,
            file.size_bytes,
            _day(file.created_at),
            _day(file.expires_at) if file.expires_at else "never",
            "yes" if file.downloadable else "no (uploaded)",
        )
        for file in found[:SHOWN]
    ]
    header = ("file", "name", "type", "bytes", "created", "expires", "downloadable")
    return render(tables=[Table(header, rows, "Files at Anthropic", "none")], note=_with_more("", found))


def list_versions(api: HostedClients, options: argparse.Namespace) -> Bundle:
    """List the versions of a skill, newest first."""
    found = list(itertools.islice(api.skills.versions(options.id, cancel=api.cancel), SHOWN + 1))
    rows = [(v.id, v.name, one_line(v.description, 200), _day(v.created_at)) for v in found[:SHOWN]]
    table = Table(("version", "name", "description", "created"), rows, f"Versions of {options.id}")
    return render(tables=[table], note=_with_more("", found))


def upload(api: HostedClients, options: argparse.Namespace) -> Bundle:
    """Upload a skill (a folder or a package) or a file."""
    path = expanded(options.path)
    if options.version_of:
        version = api.skills.add_version(options.version_of, path, cancel=api.cancel)
        return render(f"Uploaded a version of {version.name}", [("skill", version.skill_id), ("version", version.id)])
    if os.path.isdir(path) or path.suffix == ".skill":
        skill = api.skills.create(path, display_name=options.name or "", cancel=api.cancel)
        return _uploaded(skill)
    file = api.files.upload(path, options.name or "", cancel=api.cancel)
    values = [("file", file.id), ("name", file.filename), ("size", file_size(file.size_bytes))]
    note = f"Uploaded files cannot be downloaded. Delete it with %conjure hosted delete {file.id}."
    return render("Uploaded a file", values, note=note)


def _uploaded(skill: HostedSkill) -> Bundle:
    values = [("skill", skill.id), ("name", skill.display_name), ("version", skill.latest_version_id)]
    note = f"Use it with %%conjure --backend anthropic --skills custom:{skill.id}"
    return render("Uploaded a skill", values, note=note)


def download(api: HostedClients, options: argparse.Namespace) -> None:
    """Save files that a container created, or uploaded skills, in a folder."""
    folder = expanded(options.into)
    for name in _some(options.ids):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            fetch = api.skills.download if _is_skill(name) else api.files.download
            say(f"saved {fetch(name, folder, cancel=api.cancel)}")
        except OSError as error:
            raise UsageError(f"cannot save: {error.strerror or error}: {error.filename or folder}") from None


def delete(api: HostedClients, options: argparse.Namespace) -> None:
    """Delete files, skills and versions (SKILL@VERSION) permanently, one by one."""
    names = list(dict.fromkeys(_some(options.ids)))
    for name in names:
        if name.startswith("-") or not name.strip("@"):
            raise UsageError(f"{name!r} is not an ID; %conjure hosted files and %conjure hosted skills list the IDs")
    if not options.yes:
        with interruptible(api.cancel):
            unasked = f"there is no way to ask here; --yes deletes without asking: {', '.join(names)}"
            agreed = ask_whether("Permanently delete from Anthropic?", "\n".join(names), unasked)
        if not agreed:
            say("Nothing was deleted.")
            return
    failed: ApiError | UsageError | None = None
    for name in names:
        try:
            _delete(api, name)
            say(f"deleted {name}")
        except (ApiError, UsageError) as error:  # the others can still be deleted
            say(f"not deleted: {error.told(in_cell)}")
            failed = failed or error
    if failed is not None and len(names) == 1:
        raise failed


def _delete(api: HostedClients, name: str) -> None:
    skill_id, _, version = name.partition("@")
    if version:
        api.skills.delete_version(skill_id, version, cancel=api.cancel)
    elif _is_skill(name):
        api.skills.delete(name, cancel=api.cancel)
    else:
        api.files.delete(name, cancel=api.cancel)


def _is_skill(name: str) -> bool:
    return not name.startswith("file_")


def _some(given: Sequence[str]) -> Sequence[str]:
    if not given:
        raise UsageError("expected at least one ID; %conjure hosted files and %conjure hosted skills list the IDs")
    return given


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")


def _with_more(note: str, found: Sequence[object]) -> str:
    return " ".join(filter(None, (note, f"Only the first {SHOWN} are shown." if len(found) > SHOWN else "")))


Run = Callable[[HostedClients, argparse.Namespace], Bundle | None]


def _at_anthropic(run: Run) -> Callable[[CommandContext, argparse.Namespace], Bundle | None]:
    """Wrap a command that uses the clients, so that it can be interrupted.

    Server and key are those of the current session if its model uses Anthropic's API, else those of the environment
    and `%conjure key`. The command raises UsageError for invalid input, ApiError if the server refuses, and
    KeyboardInterrupt.
    """

    def wrapped(context: CommandContext, options: argparse.Namespace) -> Bundle | None:
        cancel = Cancel()
        try:
            with interrupt_guard(cancel), contextlib.ExitStack() as stack:
                return run(HostedClients(_credentials(context.sessions), cancel, stack), options)
        except CancelledError:
            raise KeyboardInterrupt("stopped") from None

    return wrapped


IDS = "file_…, skill_… (with all its versions) or skill_…@version"
HOSTED = Command(
    "hosted",
    "list, upload, download and delete skills and files stored at Anthropic",
    fallback="skills",
    commands=(
        Command(
            "hosted skills",
            "list the skills stored at Anthropic",
            _at_anthropic(list_skills),
            (
                argument(
                    "--source",
                    metavar="custom|anthropic",
                    choices=("custom", "anthropic"),
                    help="only uploaded skills, or only Anthropic's own",
                    values=lambda _: ("custom", "anthropic"),
                ),
            ),
        ),
        Command("hosted files", "list the files stored at Anthropic, newest first", _at_anthropic(list_files)),
        Command(
            "hosted versions",
            "list the versions of a skill",
            _at_anthropic(list_versions),
            (
                argument(
                    "id", metavar="ID", help="ID of the skill", example="skill_…; %conjure hosted lists the skills"
                ),
            ),
        ),
        Command(
            "hosted upload",
            "upload a skill (its folder, or a .skill package) or a file",
            _at_anthropic(upload),
            (
                argument("path", metavar="PATH", help="what to upload", example="./skills/my-skill"),
                argument("--name", metavar="NAME", help="name for the upload"),
                argument("--version-of", metavar="ID", help="upload it as a new version of this skill"),
            ),
        ),
        Command(
            "hosted download",
            "download files that a container created, and uploaded skills",
            _at_anthropic(download),
            (
                argument("ids", metavar="ID", nargs="*", help="file_… or skill_…"),
                argument("--into", metavar="DIR", default=".", help="folder to save them in (default: the notebook's)"),
            ),
        ),
        Command(
            "hosted delete",
            "permanently delete files, skills and versions stored at Anthropic",
            _at_anthropic(delete),
            (
                argument("ids", metavar="ID", nargs="*", help=IDS),
                argument("--yes", action="store_true", help="delete without asking"),
            ),
        ),
    ),
)
