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
from conjure_magic.errors import SessionBusyError, SessionClosedError, UsageError
from conjure_magic.events import Event, FileCreated, TurnResult
from conjure_magic.history import extend, repair
from conjure_magic.hooks import questions
from conjure_magic.messages import Message, TextBlock, Usage
from conjure_magic.models.base import Model, Request
from conjure_magic.secrets import Key
from conjure_magic.session.choice import Backends, Choice
from conjure_magic.session.options import ModelLike, SkillLike, TurnOptions
from conjure_magic.session.resources import Resources
from conjure_magic.session.turns import Checkpoint, Turns
from conjure_magic.settings import Settings
from conjure_magic.skills.registry import AskTrust, SkillRegistry
from conjure_magic.turn import Turn, TurnSetup
from conjure_magic.turn.budget import LimitChanges, Limits, limits_of
from conjure_magic.turn.feed import Subscribers
from conjure_magic.turn.request import Preview, compose, contributions_of
from conjure_magic.workspace import Workspace, existing_file, expanded
from conjure_magic.written import WrittenFiles

SYSTEM = (
    "You work inside a Jupyter notebook for the person who wrote the request. Answer in Markdown, shortly, "
    "with the finding first. Use the tools for facts; never invent output."
)


class Session:
    """A conversation that goes on from turn to turn, with the backends and skills it may use.

    Args:
        backend: name or names ("local", "local,native"), or Backend objects.
        skills: skill folders, folders of skills, names of skills to offer, a SkillRegistry or Skills of it, or skills
            in Python for the backend native: NativeSkill objects or classes, functions under `@skill`.
        model: "offline", any callable `request -> response`, a Model; None takes what is configured.
        name: shown in footers, and part of the workspace's folder name.
        workspace: work in this folder as it is; by default a folder of the session's own.
        input: the folder that relative paths in a prompt mean; by default the current directory.
        approver: asks a person before a command runs. Without one, a kernel with the extension loaded asks as a cell
            does, and elsewhere such calls are refused; `approve_all` allows them, `refuse_all` never asks.
        ask_trust: asks whether the project's own skills may be loaded; without one as for `approver`.
        settings: defaults for everything not given.
        key: an API key that goes before the environment's; kept in memory only.
        image: what the commands of the backend docker run in; by default the settings'. Short for the option `image`.
        options: the backends' own options by name; those of one that takes no part are ignored.
        host: the kernel around, for native skills; the magics bring one.

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
        defaults = Choice()
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
        state = "closed" if self._closed else f"{len(self.turns)} turns"
        return f"<Session {self.name!r}: {', '.join(self.backends)} · {self.model.name} · {state}>"

    # ---- what it is

    @property
    def backends(self) -> tuple[str, ...]:
        """The names of the backends."""
        return self._resources.backend_names

    @property
    def model(self) -> Model:
        """Who answers."""
        return self._resources.model

    @property
    def is_busy(self) -> bool:
        """True while a turn runs."""
        return self._busy.locked()

    @property
    def messages(self) -> tuple[Message, ...]:
        """The whole conversation as the next request would carry it."""
        return self._turn.messages if self._turn is not None else self._turns.now.messages

    @property
    def conversation(self) -> tuple[Message, ...]:
        """Everything that was said in all turns, also what a summary stands for in `messages`."""
        return tuple(message for turn in self.turns for message in turn.messages)

    @property
    def turns(self) -> list[TurnResult]:
        """The turns so far, the first one first."""
        return self._turns.all

    @property
    def files(self) -> Artifacts:
        """The files of all turns, each once, in its newest state."""
        return self._turns.files

    @property
    def usage(self) -> Usage:
        """The tokens of all turns."""
        return self._turns.usage

    @property
    def cost(self) -> float | None:
        """US dollars of all turns; None if any price is not known."""
        return self._turns.cost

    @property
    def context_tokens(self) -> int:
        """How many tokens the conversation has, as a server last counted; 0 where none did."""
        return self._turns.now.counted.tokens

    @property
    def workspace(self) -> Workspace:
        """The session's folders, made when first asked for. Raises UsageError if they cannot be."""
        return self._resources.workspace

    @property
    def opened_workspace(self) -> Workspace | None:
        """The session's folders if they are open already."""
        return self._resources.opened_workspace

    @property
    def input_folder(self) -> Path:
        """The folder that relative paths in a prompt mean."""
        return self._resources.input_folder

    @property
    def skills(self) -> SkillRegistry:
        """The skills that this session knows."""
        return self._resources.skills

    @property
    def backend_skills(self) -> tuple[BackendSkills, ...]:
        """The skills that its backends have beside the folders: in Python, hosted."""
        return self._resources.backend_skills

    @property
    def skill_spellings(self) -> list[str]:
        """What may be given as `skills` beside folders and their names, such as "xlsx" for Anthropic's container."""
        return self._resources.skill_spellings

    @property
    def reads_folders(self) -> bool:
        """True if one of its backends works with skill folders."""
        return self._resources.reads_folders

    # ---- turns

    def stream(self, prompt: str, **options: Unpack[TurnOptions]) -> Generator[Event, None, None]:
        """Run one turn and yield its events; the last one is `TurnFinished` with the result.

        Hold it in `contextlib.closing`, in the main thread under `interrupt_guard`. Closing it early stops
        the turn: commands are killed, the history stays valid, and `TurnFinished` still reaches subscribers.

        Args:
            prompt: the request.
            **options: files and text that go with it, an approver, model, limits or cancel of its own: `TurnOptions`.

        Raises UsageError, BackendError or SessionError before the first event, ModelError after the last.
        """
        cancel = options.setdefault("cancel", Cancel())
        self._begun.add(cancel)  # `stop` counts from now on, also before the first event is asked for
        return self._stream(prompt, options, cancel)

    def _stream(self, prompt: str, options: TurnOptions, cancel: Cancel) -> Generator[Event, None, None]:
        if not prompt.strip():
            raise UsageError("the prompt is empty: it has to say what to do")
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
                with contextlib.closing(events):
                    yield from events
            finally:
                self._turn = None
                self._begun.discard(cancel)
                self._keep(turn)

    def chat(self, prompt: str, **options: Unpack[TurnOptions]) -> TurnResult:
        """Run one turn to its end and return the result; for the options see `TurnOptions`.

        Raises KeyboardInterrupt if it was interrupted, ModelError if the model failed; what was said and done
        until then is in `turns[-1]`.
        """
        cancel = options.setdefault("cancel", Cancel())
        with interrupt_guard(cancel), contextlib.closing(self.stream(prompt, **options)) as events:
            for _ in events:
                pass
        if cancel.reason == "interrupted":
            raise KeyboardInterrupt
        return self.turns[-1]

    def retry(self, **options: Unpack[TurnOptions]) -> TurnResult:
        """Take the last turn back and run it again; options and errors as of `chat`. Raises UsageError if none."""
        with self.taking_back() as turn:
            again: TurnOptions = {"extra_text": turn.extra_text, "files": turn.input_files}
            return self.chat(turn.prompt, **(again | options))

    @contextlib.contextmanager
    def taking_back(self) -> Generator[TurnResult, None, None]:
        """Take the last turn back and give it; it returns if no turn takes its place.

        Raises UsageError if there is none.
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
        """Stop the running turn, from any thread; it ends within a second or so. Nothing runs: nothing happens."""
        for cancel in tuple(self._begun):
            cancel.set(reason)

    def undo(self, turns: int = 1) -> None:
        """Take the last turns out of the conversation; files stay. Raises UsageError if there are not so many."""
        with self._exclusively():
            if not 1 <= turns <= len(self.turns):
                raise UsageError(f"cannot undo {turns} turns: session {self.name!r} has {len(self.turns)}")
            self._turns.undo(turns)

    def reset(self) -> None:
        """Forget the conversation; backends, skills and files stay. Commands left running are ended."""
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
        """Go on with other backends, skills, folders or another model from the next turn on; None keeps what is.

        Raises UsageError for what does not exist; then nothing has changed.
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
            self._resources.change(changed)

    def use_key(self, key: Key) -> None:
        """Take this API key for the next turns, in the place of the environment's.

        Raises UsageError if the key cannot be used; then nothing has changed.
        """
        with self._exclusively():
            self._resources.change(self._resources.choice.with_changes(key=key))

    def close(self) -> None:
        """End everything that still runs and free the workspace; its files stay. Calling it twice is fine."""
        self.stop("closed")
        self._closed = True
        self._resources.close()

    def subscribe(
        self, handler: Callable[[Event], object], events: Collection[type] | None = None
    ) -> Callable[[], None]:
        """Call `handler` with every event of every turn, or only those whose body is of a type in `events`.

        Returns a function that ends the subscription. A handler that raises is logged and breaks nothing.
        """
        return self._subscribers.add(handler, events)

    # ---- what goes to a model

    def request(self, prompt: str = "") -> Request:
        """The request that the next turn would begin with, as a callable model would get it."""
        contributions = contributions_of(self._resources.backends, Preview(self.workspace, self.model))
        request = compose(SYSTEM, contributions, self.model, self.limits().max_tokens)
        return replace(request, messages=extend(repair(self.messages), [TextBlock(prompt)] if prompt else []))

    def tool_definitions(self) -> list[dict[str, Any]]:
        """The tools of the next request, as the wire has them."""
        return [tool.to_dict() for tool in self.request().tools]

    def system_prompt(self) -> str:
        """The system text of the next request."""
        return self.request().system

    def container_config(self) -> dict[str, Any]:
        """The `container` of the next request, with its skills; empty where the hosted backend takes no part."""
        return dict(self.request().fields.get("container", {}))

    def download_files(self, files: Iterable[Artifact], directory: str | Path) -> list[Path]:
        """Save copies into a folder, made if need be, and return their paths; names that clash keep their folders.

        Raises FileExistsError or OSError for the first that could not be saved, when all others are; UsageError for
        the home folder of a user who has none.
        """
        return save_all(files, expanded(directory))

    # ---- inside

    def _remember_written(self, event: Event) -> None:
        """Remember what was made in the person's own folder, where rules for commands must not let it run."""
        if isinstance(event.body, FileCreated) and event.body.artifact.path and self.workspace.in_place:
            WrittenFiles().add(event.body.artifact.path)

    @contextlib.contextmanager
    def _exclusively(self) -> Generator[None, None, None]:
        if self._closed:
            raise SessionClosedError(f"session {self.name!r} is closed")
        if not self._busy.acquire(blocking=False):
            raise SessionBusyError(f"session {self.name!r} is busy with a turn; stop it, or use another session")
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
            notices=tuple(notice for notice in self._resources.remarks() if notice.text not in self._told),
        )

    def limits(self, **changes: Unpack[LimitChanges]) -> Limits:
        """The bounds of a turn: the settings' with `changes`, such as `session.limits(max_cost=0.50)`."""
        return replace(limits_of(self.settings), **changes)

    def _keep(self, turn: Turn) -> None:
        """Take a turn's messages over; one that never began leaves no trace."""
        if turn.result is not None:
            self._told |= {notice.text for notice in turn.setup.notices}
            self._turns.add(turn.result, Checkpoint(turn.messages, turn.fingerprint, turn.budget.counted))


def _options(image: str | None, options: Mapping[str, object] | None) -> dict[str, object]:
    """The backends' options, `image` among them if it is given."""
    return {**(options or {}), **({} if image is None else {"image": image})}
