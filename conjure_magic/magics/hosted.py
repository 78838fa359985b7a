"""`%conjure hosted`: the skills and files that Anthropic keeps for a key; listed, uploaded, fetched, deleted."""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from conjure_magic.api.keys import Credentials, credentials
from conjure_magic.cancel import Cancel, interrupt_guard, interruptible
from conjure_magic.errors import ApiError, CancelledError, UsageError
from conjure_magic.magics.asking import ask_whether
from conjure_magic.magics.command import Command, CommandContext
from conjure_magic.magics.hints import in_cell
from conjure_magic.magics.options import argument
from conjure_magic.magics.state import SHOWN
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


class Hosted:
    """What a command works with: both clients, made when they are needed, and the interrupt that ends it."""

    def __init__(self, there: Credentials, cancel: Cancel, stack: contextlib.ExitStack) -> None:
        self.cancel = cancel
        self._there = there
        self._stack = stack

    @functools.cached_property
    def files(self) -> FilesClient:
        """The client for files. Raises UsageError where there is no key, or no Anthropic."""
        from conjure_magic.api.files import FilesClient  # loads the HTTP library

        return self._stack.enter_context(FilesClient(self._there, notify=print_notice))

    @functools.cached_property
    def skills(self) -> SkillsClient:
        """The client for skills. Raises as `files` does."""
        from conjure_magic.api.skills import SkillsClient

        return self._stack.enter_context(SkillsClient(self._there, notify=print_notice))


def print_notice(notice: Any) -> None:
    """Tell that another try is waited for."""
    say(notice.text)


def _where(sessions: Sessions) -> Credentials:
    session = sessions.by_name.get(sessions.current_name)
    found = getattr(session.model, "credentials", None) if session is not None else None
    if isinstance(found, Credentials) and found.dialect == "anthropic" and found.key is not None:
        return found
    return credentials(key=sessions.key)


def list_skills(api: Hosted, options: argparse.Namespace) -> Bundle:
    """The skills there are, and how a cell names them."""
    found = list(itertools.islice(api.skills.list(options.source, cancel=api.cancel), SHOWN + 1))
    rows = [
        (skill.id, one_line(skill.display_name, 80), skill.source, skill.latest_version_id, _day(skill.updated_at))
        for skill in found[:SHOWN]
    ]
    header = ("skill", "name", "from", "latest version", "updated")
    note = "%%conjure --backend anthropic --skills xlsx,custom:skill_… names them." if rows else ""
    return render(tables=[Table(header, rows, "Skills at Anthropic", "none")], note=_with_more(note, found))


def list_files(api: Hosted, options: argparse.Namespace) -> Bundle:
    """The files there are, newest first."""
    found = list(itertools.islice(api.files.list(cancel=api.cancel), SHOWN + 1))
    rows = [
        (
            file.id,
            one_line(file.filename, 120),
            file.mime_type,
            file.size_bytes,
            _day(file.created_at),
            _day(file.expires_at) if file.expires_at else "stays",
            "yes" if file.downloadable else "no, uploaded",
        )
        for file in found[:SHOWN]
    ]
    header = ("file", "name", "type", "bytes", "made", "expires", "can be fetched")
    return render(tables=[Table(header, rows, "Files at Anthropic", "none")], note=_with_more("", found))


def list_versions(api: Hosted, options: argparse.Namespace) -> Bundle:
    """The versions of a skill, newest first."""
    found = list(itertools.islice(api.skills.versions(options.id, cancel=api.cancel), SHOWN + 1))
    rows = [(v.id, v.name, one_line(v.description, 200), _day(v.created_at)) for v in found[:SHOWN]]
    table = Table(("version", "name", "description", "made"), rows, f"Versions of {options.id}")
    return render(tables=[table], note=_with_more("", found))


def upload(api: Hosted, options: argparse.Namespace) -> Bundle:
    """A skill (a folder or a package) or a file, sent."""
    path = expanded(options.path)
    if options.version_of:
        version = api.skills.add_version(options.version_of, path, cancel=api.cancel)
        return render(
            f"A version of {version.name} was uploaded", [("skill", version.skill_id), ("version", version.id)]
        )
    if os.path.isdir(path) or path.suffix == ".skill":
        skill = api.skills.create(path, display_name=options.name or "", cancel=api.cancel)
        return _uploaded(skill)
    file = api.files.upload(path, options.name or "", cancel=api.cancel)
    values = [("file", file.id), ("name", file.filename), ("size", file_size(file.size_bytes))]
    return render("A file was uploaded", values, note="An upload cannot be fetched back; %conjure hosted delete ID.")


def _uploaded(skill: HostedSkill) -> Bundle:
    values = [("skill", skill.id), ("name", skill.display_name), ("version", skill.latest_version_id)]
    return render("A skill was uploaded", values, note=f"%%conjure --backend anthropic --skills custom:{skill.id}")


def download(api: Hosted, options: argparse.Namespace) -> None:
    """Files that a container made, or skills that were uploaded, written to a folder."""
    folder = expanded(options.into)
    for name in _some(options.ids):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            fetch = api.skills.download if _is_skill(name) else api.files.download
            say(f"saved {fetch(name, folder, cancel=api.cancel)}")
        except OSError as error:
            raise UsageError(f"cannot save: {error.strerror or error}: {error.filename or folder}") from None


def delete(api: Hosted, options: argparse.Namespace) -> None:
    """Files, skills and versions (SKILL@VERSION), deleted for good, one after the other."""
    names = list(dict.fromkeys(_some(options.ids)))
    for name in names:
        if name.startswith("-") or not name.strip("@"):
            raise UsageError(f"{name!r} is no id; %conjure hosted files and skills list them")
    told = ", ".join(names)
    if not options.yes:
        with interruptible(api.cancel):
            unasked = f"nobody can be asked here; --yes deletes without asking: {told}"
            agreed = ask_whether("Delete for good, at Anthropic?", "\n".join(names), unasked)
        if not agreed:
            say("Nothing was deleted.")
            return
    failed: ApiError | UsageError | None = None
    for name in names:
        try:
            _delete(api, name)
            say(f"deleted {name}")
        except (ApiError, UsageError) as error:  # the others may go all the same
            say(f"not deleted: {error.told(in_cell)}")
            failed = failed or error
    if failed is not None and len(names) == 1:
        raise failed


def _delete(api: Hosted, name: str) -> None:
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
        raise UsageError("name at least one ID; %conjure hosted files and %conjure hosted skills list them")
    return given


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")


def _with_more(note: str, found: Sequence[object]) -> str:
    return " ".join(filter(None, (note, f"The first {SHOWN} are shown; there are more." if len(found) > SHOWN else "")))


Run = Callable[[Hosted, argparse.Namespace], Bundle | None]


def _at_anthropic(run: Run) -> Callable[[CommandContext, argparse.Namespace], Bundle | None]:
    """A command that works with both clients, and ends with an interrupt.

    Their server and key are the current session's, if its model is at Anthropic's; else those of the environment and of
    `%conjure key`. Raises UsageError for a slip, ApiError for what the server refuses, KeyboardInterrupt.
    """

    def wrapped(context: CommandContext, options: argparse.Namespace) -> Bundle | None:
        cancel = Cancel()
        try:
            with interrupt_guard(cancel), contextlib.ExitStack() as stack:
                return run(Hosted(_where(context.sessions), cancel, stack), options)
        except CancelledError:
            raise KeyboardInterrupt("stopped") from None

    return wrapped


IDS = "file_…, skill_… with all of its versions, skill_…@version"
HOSTED = Command(
    "hosted",
    "list, upload, fetch and delete skills and files at Anthropic",
    fallback="skills",
    commands=(
        Command(
            "hosted skills",
            "list the skills at Anthropic",
            _at_anthropic(list_skills),
            (
                argument(
                    "--source",
                    metavar="custom|anthropic",
                    choices=("custom", "anthropic"),
                    help="those that were uploaded, or Anthropic's own",
                    values=lambda _: ("custom", "anthropic"),
                ),
            ),
        ),
        Command("hosted files", "list the files at Anthropic, newest first", _at_anthropic(list_files)),
        Command(
            "hosted versions",
            "list the versions of a skill",
            _at_anthropic(list_versions),
            (argument("id", metavar="ID", help="the skill's", example="skill_…; %conjure hosted lists the skills"),),
        ),
        Command(
            "hosted upload",
            "upload a skill (its folder, or a .skill package) or a file",
            _at_anthropic(upload),
            (
                argument("path", metavar="PATH", help="what to upload", example="./skills/my-skill"),
                argument("--name", metavar="NAME", help="what it is called there"),
                argument("--version-of", metavar="ID", help="another version of this skill"),
            ),
        ),
        Command(
            "hosted download",
            "fetch files that a container has made, and skills that were uploaded",
            _at_anthropic(download),
            (
                argument("ids", metavar="ID", nargs="*", help="file_… or skill_…"),
                argument("--into", metavar="DIR", default=".", help="the folder: the notebook's"),
            ),
        ),
        Command(
            "hosted delete",
            "delete files, skills and versions at Anthropic, for good",
            _at_anthropic(delete),
            (
                argument("ids", metavar="ID", nargs="*", help=IDS),
                argument("--yes", action="store_true", help="without asking"),
            ),
        ),
    ),
)
