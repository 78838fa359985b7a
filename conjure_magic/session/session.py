"""A Session: a named conversation and its resources. Turns run in it one at a time."""

from __future__ import annotations

import contextlib
import threading
import uuid
import weakref
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

from conjure_magic.approval import Approver
from conjure_magic.artifacts import Artifact, Artifacts, save_all
from conjure_magic.backends import BackendSkills
from conjure_magic.backends.native.host import Host
from conjure_magic.cancel import Cancel, StopReason, interrupt_guard
from conjure_magic.default_approver import questions
from conjure_magic.errors import SessionBusyError, SessionClosedError, UsageError
from conjure_magic.events import Event, FileCreated, TurnResult
from conjure_magic.history import extend, repair
from conjure_magic.messages import Message, TextBlock, Usage
from conjure_magic.models.base import Model, Request
from conjure_magic.phrases import counted
from conjure_magic.secrets import Key
from conjure_magic.session.choice import Backends, SessionChoice
from conjure_magic.session.options import ModelLike, SkillLike, TurnOptions
from conjure_magic.session.resources import Resources
from conjure_magic.session.turns import Checkpoint, Turns
from conjure_magic.settings import Settings
from conjure_magic.skills.project_trust import AskTrust
from conjure_magic.skills.registry import SkillRegistry
from conjure_magic.skills.trusted_edits import own_edits
from conjure_magic.turn import Turn, TurnSetup
from conjure_magic.turn.budget import LimitChanges, Limits, limits_of
from conjure_magic.turn.feed import Subscribers
from conjure_magic.turn.request import Preview, compose, contributions_of
from conjure_magic.workspace import Workspace, existing_file, expanded
from conjure_magic.written_files import WrittenFiles

SYSTEM = (
    "You work inside a Jupyter notebook for the user who wrote the request. Answer briefly, in Markdown, "
    "with the main finding first. Use the tools to establish facts; never invent output."
)


class Session:
    """A conversation of several turns, with the backends and skills that it may use.

    Args:
        backend: one or several names ("local", "local,native"), or Backend objects.
        skills: skill folders, folders of skills, names of skills, a SkillRegistry, Skill objects, or Python skills for
            the backend native: NativeSkill objects or classes, functions decorated with `@skill`.
        model: "offline", a model id, any callable `request -> response`, or a Model; None for the configured one.
        name: shown in footers, and part of the workspace's folder name.
        workspace: an existing folder to work in; by default the session gets a folder of its own.
        input: the folder that relative paths in a prompt refer to; by default the current directory.
        approver: asks before a command runs. Without one, a kernel with the extension loaded asks as a cell does;
            elsewhere such calls are refused. `approve_all` allows them, `refuse_all` refuses without asking.
        ask_trust: asks whether the project's skills may be loaded; without one, as for `approver`.
        settings: defaults for everything that is not given.
        key: an API key used instead of the one in the environment; kept in memory only.
        image: the image for commands of the backend docker; by default the settings'. Same as the option `image`.
        options: the backends' own options by name; options of backends that are not used are ignored.
        host: the kernel, for native skills; set by the magics.

    Nothing is opened before the first turn. Raises UsageError for an unknown backend or model.
    Use it as a context manager, or call `close`.
    """

    def __init__(
        self,
        backend: Backends | None = None,
        skills: SkillLike | Iterable[SkillLike] = (),
        model: ModelLike | None = None,
        *,
        name: str = "main",
        workspace: str | Path | None = None,
        input: str | Path | None = None,  # noqa: A002 - the option's own name
        approver: Approver | None = None,
        ask_trust: AskTrust | None = None,
        settings: Settings | None = None,
        key: Key | None = None,
        image: str | None = None,
        options: Mapping[str, object] | None = None,
        host: Host | None = None,
    ) -> None:
        self.id = uuid.uuid4().hex
        self.name = name
        self.settings = settings or Settings()
        self.approver = approver
        self._turns = Turns()
        self._subscribers = Subscribers()
        self._subscribers.add(self._remember_written, (FileCreated,))
        self._busy = threading.Lock()
        self._turn: Turn | None = None
        self._begun: weakref.WeakSet[Cancel] = weakref.WeakSet()
        self._closed = False
        self._told: set[str] = set()
        defaults = SessionChoice()
        choice = defaults.with_changes(
            backend=self.settings.chosen_backend if backend is None else backend,
            skills=skills or self.settings.skills,
            model=self.settings.model if model is None else model,
            workspace=workspace or self.settings.workspace or None,
            input=input or self.settings.input or None,
            key=key,
            options=_options(image, options),
        )
        self._resources = Resources(name, self.settings, ask_trust or questions.ask_trust, choice, host)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else counted(len(self.turns), "turn")
        return f"<Session {self.name!r}: {', '.join(self.backends)} · {self.model.name} · {state}>"

    # ---- state
    @property
    def backends(self) -> tuple[str, ...]:
        """The names of the backends."""
        return self._resources.backend_names

    @property
    def model(self) -> Model:
        """The model."""
        return self._resources.model

    @property
    def is_busy(self) -> bool:
        """True while a turn runs."""
        return self._busy.locked()

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation as the next request would send it."""
        return self._turn.messages if self._turn is not None else self._turns.now.messages

    @property
    def conversation(self) -> tuple[Message, ...]:
        """The messages of all turns, including those that a summary replaces in `messages`."""
        return tuple(message for turn in self.turns for message in turn.messages)

    @property
    def turns(self) -> list[TurnResult]:
        """The finished turns, oldest first."""
        return self._turns.all

    @property
    def files(self) -> Artifacts:
        """The files of all turns, each once, in its latest state."""
        return self._turns.files

    @property
    def usage(self) -> Usage:
        """The token counts of all turns, added up."""
        return self._turns.usage

    @property
    def cost(self) -> float | None:
        """The cost of all turns in US dollars; None if a price is unknown."""
        return self._turns.cost

    @property
    def context_tokens(self) -> int:
        """The conversation's length in tokens, as last counted by a server; 0 if it was never counted."""
        return self._turns.now.counted.tokens

    @property
    def workspace(self) -> Workspace:
        """The session's folders, created on first use. Raises UsageError if they cannot be created."""
        return self._resources.workspace

    @property
    def opened_workspace(self) -> Workspace | None:
        """The workspace if it is open; otherwise None."""
        return self._resources.opened_workspace

    @property
    def input_folder(self) -> Path:
        """The folder that relative paths in a prompt refer to."""
        return self._resources.input_folder

    @property
    def skills(self) -> SkillRegistry:
        """The skills available to this session."""
        return self._resources.skills

    @property
    def backend_skills(self) -> tuple[BackendSkills, ...]:
        """The backends' own skills: Python skills and hosted ones."""
        return self._resources.backend_skills

    @property
    def skill_spellings(self) -> list[str]:
        """Values of `skills` other than folders and names of skill folders, such as "xlsx" for Anthropic."""
        return self._resources.skill_spellings

    @property
    def reads_folders(self) -> bool:
        """True if one of the backends uses skill folders."""
        return self._resources.reads_folders

    # ---- turns

    def stream(self, prompt: str, **options: Unpack[TurnOptions]) -> Generator[Event, None, None]:
        """Run one turn and yield its events; the last one is `TurnFinished` with the result.

        Wrap it in `contextlib.closing`, and in the main thread in `interrupt_guard`. Closing it early stops
        the turn: commands are killed, the history stays valid, and subscribers still receive `TurnFinished`.

        Args:
            prompt: the request.
            **options: files, extra text, approver, model, limits and cancel of this turn; see `TurnOptions`.

        Raises UsageError, BackendError or SessionError before the first event, ModelError after the last.
        """
        cancel = options.setdefault("cancel", Cancel())
        if not self._closed and self._turn is None:
            self._resources.recheck_skills()  # may ask; here and not below, where an interrupt would stop a turn
        self._begun.add(cancel)  # `stop` takes effect from here on, even before the first event is requested
        return self._stream(prompt, options, cancel)

    def _stream(self, prompt: str, options: TurnOptions, cancel: Cancel) -> Generator[Event, None, None]:
        if not prompt.strip():
            raise UsageError("the prompt is empty")
        given, text = options.get("files", ()), options.get("extra_text", ())
        files = [existing_file(path) for path in ([given] if isinstance(given, str | Path) else given)]
        texts = [text] if isinstance(text, str) else text
        with self._exclusively():
            if options.get("model") is None:
                self._resources.refresh_model()
            turn = Turn(self._setup(options), prompt, texts, cancel, files)
            events = turn.stream()
            self._turn = turn
            try:
                with contextlib.closing(events), own_edits.turn():
                    yield from events
            finally:
                self._turn = None
                self._begun.discard(cancel)
                self._keep(turn)

    def chat(self, prompt: str, **options: Unpack[TurnOptions]) -> TurnResult:
        """Run one turn and return its result; for the options see `TurnOptions`.

        Raises KeyboardInterrupt if the turn was interrupted, ModelError if the model failed, and the errors of
        `stream`. The unfinished turn is in `turns[-1]`.
        """
        cancel = options.setdefault("cancel", Cancel())
        stream = self.stream(prompt, **options)
        with interrupt_guard(cancel), contextlib.closing(stream) as events:
            for _ in events:
                pass
        if cancel.reason == "interrupted":
            raise KeyboardInterrupt
        return self.turns[-1]

    def retry(self, **options: Unpack[TurnOptions]) -> TurnResult:
        """Remove the last turn and run its request again; options and errors as for `chat`.

        Raises UsageError if there is no turn.
        """
        with self.removing_last() as turn:
            again: TurnOptions = {"extra_text": turn.extra_text, "files": turn.input_files}
            return self.chat(turn.prompt, **(again | options))

    @contextlib.contextmanager
    def removing_last(self) -> Generator[TurnResult, None, None]:
        """Remove the last turn and yield it; it is restored unless a new turn was added inside the block.

        Raises UsageError if there is no turn.
        """
        if not self.turns:
            raise UsageError(f"session {self.name!r} has no turn to run again")
        turn, after = self.turns[-1], self._turns.now
        self.undo()
        left = len(self.turns)
        try:
            yield turn
        finally:
            if len(self.turns) == left and not self._closed:
                self._turns.add(turn, after)

    def stop(self, reason: StopReason = "stopped") -> None:
        """Stop the running turn, from any thread; it ends within about a second. Does nothing if no turn runs."""
        for cancel in tuple(self._begun):
            cancel.set(reason)

    def undo(self, turns: int = 1) -> None:
        """Remove the last `turns` turns; files stay. Raises UsageError if there are fewer."""
        with self._exclusively():
            if not 1 <= turns <= len(self.turns):
                asked = counted(turns, "turn")
                raise UsageError(f"cannot undo {asked}: session {self.name!r} has {len(self.turns)}")
            self._turns.undo(turns)

    def reset(self) -> None:
        """Clear the conversation; backends, skills and files stay. Running commands are ended."""
        with self._exclusively():
            self._turns.reset()
            self._resources.forget_conversation()

    def use(
        self,
        *,
        backend: Backends | None = None,
        skills: SkillLike | Iterable[SkillLike] | None = None,
        model: ModelLike | None = None,
        workspace: str | Path | None = None,
        input: str | Path | None = None,  # noqa: A002 - the option's own name
        image: str | None = None,
        options: Mapping[str, object] | None = None,
    ) -> None:
        """Use other backends, skills, folders or another model from the next turn on; None keeps the present value.

        Raises UsageError or SkillError if anything given does not exist; then nothing has changed.
        """
        with self._exclusively():
            changed = self._resources.choice.with_changes(
                backend=backend,
                skills=skills,
                model=model,
                workspace=workspace,
                input=input,
                options=_options(image, options),
            )
            self._resources.change(changed, keeps_skills=skills is None)

    @property
    def choice(self) -> SessionChoice:
        """The chosen backends, skills, model and folders."""
        return self._resources.choice

    def restore(self, choice: SessionChoice) -> None:
        """Use an earlier choice again from the next turn on. Raises as `use` does."""
        with self._exclusively():
            self._resources.change(choice, keeps_skills=True)

    def use_key(self, key: Key) -> None:
        """Use this API key from the next turn on, instead of the one in the environment.

        Raises UsageError if the key cannot be used; then nothing has changed.
        """
        with self._exclusively():
            self._resources.change(self._resources.choice.with_changes(key=key))

    def close(self) -> None:
        """Stop the running turn, close the backends and release the workspace; its files stay. May be called twice."""
        self.stop("closed")
        self._closed = True
        self._resources.close()

    def subscribe(
        self, handler: Callable[[Event], object], events: Collection[type] | None = None
    ) -> Callable[[], None]:
        """Call `handler` with every event of every turn, or only those with a body of a type in `events`.

        Returns a function that ends the subscription. An exception of a handler is logged and does not end the turn.
        """
        return self._subscribers.add(handler, events)

    # ---- what goes to a model

    def request(self, prompt: str = "") -> Request:
        """The request that a turn with this prompt would send, as a callable model receives it."""
        contributions = contributions_of(self._resources.backends, Preview(self.workspace, self.model))
        request = compose(SYSTEM, contributions, self.model, self.limits().max_tokens)
        return replace(request, messages=extend(repair(self.messages), [TextBlock(prompt)] if prompt else []))

    def tool_definitions(self) -> list[dict[str, Any]]:
        """The tools of the next request, in the API's format."""
        return [tool.to_dict() for tool in self.request().tools]

    def system_prompt(self) -> str:
        """The system prompt of the next request."""
        return self.request().system

    def container_config(self) -> dict[str, Any]:
        """The `container` field of the next request, with its skills; empty without the hosted backend."""
        return dict(self.request().fields.get("container", {}))

    def download_files(self, files: Iterable[Artifact], directory: str | Path) -> list[Path]:
        """Save copies into a folder and return their paths. The folder is created if it does not exist.

        Files with the same name keep their subfolders. Raises FileExistsError or OSError for the first file that
        could not be saved, after all others have been; UsageError for an unknown user's home directory.
        """
        return save_all(files, expanded(directory))

    # ---- internals
    def _remember_written(self, event: Event) -> None:
        """Remember files created in a folder of the user's: approval rules must not let commands run them."""
        if isinstance(event.body, FileCreated) and event.body.artifact.path and self.workspace.in_place:
            WrittenFiles().add(event.body.artifact.path)

    @contextlib.contextmanager
    def _exclusively(self) -> Generator[None, None, None]:
        if self._closed:
            raise SessionClosedError(f"session {self.name!r} is closed")
        if not self._busy.acquire(blocking=False):
            raise SessionBusyError(f"session {self.name!r} is busy with another turn; stop it, or use another session")
        try:
            yield
        finally:
            self._busy.release()

    def _setup(self, options: TurnOptions) -> TurnSetup:
        model = options.get("model")
        return TurnSetup(
            session=self.name,
            number=len(self.turns) + 1,
            parent_id=self.turns[-1].id if self.turns else "",
            system=SYSTEM,
            backends=self._resources.backends,
            model=self.model if model is None else self._resources.open_model(model),
            workspace=self.workspace,
            messages=self._turns.now.messages,
            fingerprint=self._turns.now.fingerprint,
            approver=options.get("approver") or self.approver or questions.approver,
            subscribers=self._subscribers.now,
            limits=options.get("limits") or self.limits(),
            counted=self._turns.now.counted,
            secrets=self._resources.secrets,
            notices=tuple(notice for notice in self._resources.remarks() if notice.text not in self._told),
        )

    def limits(self, **changes: Unpack[LimitChanges]) -> Limits:
        """The limits of a turn: those of the settings, with changes such as `session.limits(max_cost=0.50)`."""
        return replace(limits_of(self.settings), **changes)

    def _keep(self, turn: Turn) -> None:
        """Add a turn and its messages to the session, unless it never began."""
        if turn.result is not None:
            self._told |= {notice.text for notice in turn.setup.notices}
            self._turns.add(turn.result, Checkpoint(turn.messages, turn.fingerprint, turn.budget.counted))


def _options(image: str | None, options: Mapping[str, object] | None) -> dict[str, object]:
    """The backends' options, including `image` if it is given."""
    return {**(options or {}), **({} if image is None else {"image": image})}
