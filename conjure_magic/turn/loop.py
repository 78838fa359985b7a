"""The loop from a prompt to the end of the model's answer, including all tool calls.

Every event is pushed to the subscribers first and then yielded. However the turn ends, its messages are
valid, its calls have results, and `TurnFinished` is the last event.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from conjure_magic.approval import ApprovalRequest, Decision
from conjure_magic.backends.base import SupportsFiles, SupportsPrepare, tool_owners
from conjure_magic.cancel import Cancel, Deadline
from conjure_magic.errors import (
    CancelledError,
    ModelError,
    PauseLimitError,
    RequestRefusedError,
)
from conjure_magic.events import (
    BlockFinished,
    Body,
    Event,
    MessageAppended,
    MessageFinished,
    MessageStarted,
    Notice,
    RoundStarted,
    TextDelta,
    TurnFinished,
    TurnResult,
    TurnStarted,
)
from conjure_magic.history import MAX_DEPTH, is_nested_deeply, repair, settle, unfinished, with_own_ids
from conjure_magic.messages import Block, Message, TextBlock
from conjure_magic.models.base import CUT_SHORT, Model, Request
from conjure_magic.phrases import counted
from conjure_magic.remedies import UNDO, Remedy
from conjure_magic.turn.budget import Budget, Counted
from conjure_magic.turn.conversation import TurnMessages
from conjure_magic.turn.feed import Feed
from conjure_magic.turn.masking import masked_events
from conjure_magic.turn.recovery import Recovery
from conjure_magic.turn.request import compose, contributions_of
from conjure_magic.turn.setup import TurnSetup
from conjure_magic.turn.tool_calls import Calls
from conjure_magic.workspace import Workspace

TAKE_BACK = Remedy("If something in the conversation is the cause, {0} removes the last turn.", UNDO)
NOTHING = (
    "The server sent an empty answer. Common causes: the conversation does not fit into its context window, its chat "
    "template does not match the model or its tools, or the model used up its limit with thinking."
)


class Turn:
    """A running turn; also the `Context` of its backends."""

    def __init__(
        self,
        setup: TurnSetup,
        prompt: str,
        extra_text: Sequence[str] = (),
        cancel: Cancel | None = None,
        input_files: Sequence[Path] = (),
    ) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.setup = setup
        self.prompt = prompt
        self.extra_text = tuple(extra_text)
        self.input_files = tuple(input_files)
        self.fingerprint = setup.fingerprint
        self.cancel = cancel or Cancel()
        self.result: TurnResult | None = None
        self.feed = Feed(setup.session, setup.number, setup.subscribers)
        self.budget = Budget(setup.model, setup.limits, setup.counted)
        self._deadline = Deadline(self.cancel, setup.limits.timeout)
        self._conversation = TurnMessages(setup.messages)
        self._recovery = Recovery(setup, self._conversation, self.budget, self.feed, self.cancel)
        self._calls = Calls(self.feed, self.cancel, self._deadline, setup.approver)
        self._said: list[Block] = []
        self._text: list[str] = []
        self._stop_reason = ""
        self._error = ""
        self._remedy: Remedy | None = None
        self._pauses = 0
        self._started = time.monotonic()

    @property
    def messages(self) -> tuple[Message, ...]:
        """The whole history, as the next request sends it."""
        return self._conversation.messages

    # ---- Context

    @property
    def workspace(self) -> Workspace:
        """The session's folders."""
        return self.setup.workspace

    @property
    def model(self) -> Model:
        """The model."""
        return self.setup.model

    def emit(self, body: Body) -> None:
        """Push an event; it is yielded with the next step."""
        self.feed.emit(body)

    def approve(self, request: ApprovalRequest) -> Decision:
        """Ask the turn's approver; the deadline is paused meanwhile."""
        return self._calls.approve(request)

    # ---- the loop

    def stream(self) -> Generator[Event, None, None]:
        """Run the turn. An error that ends it, such as ModelError, is raised after `TurnFinished`.

        Raises UsageError or BackendError before the first event if a backend cannot be used.
        """
        self._deadline.start()
        try:
            notices, files = self._prepare()
            request = self.prepare_request()
        except BaseException:
            self._deadline.stop()
            raise
        failure: ModelError | None = None
        try:
            self._begin(request, notices, files)
            yield from self.feed.drain()
            yield from self._rounds(request)
        except CancelledError:
            pass
        except ModelError as error:
            if self.setup.messages and error.status == 400 and isinstance(error, RequestRefusedError):
                error.remedy = error.remedy or TAKE_BACK
            self._error, self._remedy, failure = error.fact, error.remedy, error
        except GeneratorExit:
            self.cancel.set("stopped")
            raise
        except KeyboardInterrupt:
            self.cancel.set("interrupted")
            raise
        except BaseException as error:
            self._error = f"{type(error).__name__}: {error}"
            raise
        finally:
            self._finish()
        yield from self.feed.drain()
        if failure is not None:
            raise failure

    def _prepare(self) -> tuple[list[Notice], list[Block]]:
        """Let the backends prepare and take the files sent with the prompt; return notices and blocks for the model.

        A turn that is stopped meanwhile still begins, and ends at once.
        """
        notices, blocks = list(self.setup.notices), []
        with contextlib.suppress(CancelledError):
            for backend in self.setup.backends:
                notices += backend.prepare(self) if isinstance(backend, SupportsPrepare) else ()
            for path in self.input_files:
                for backend in self.setup.backends:
                    taken = backend.add_file(path, self) if isinstance(backend, SupportsFiles) else None
                    if taken is not None and taken[0] not in blocks:
                        blocks.append(taken[0])
                        notices.append(taken[1])
        return list(dict.fromkeys(notices)), blocks

    def _begin(self, request: Request, notices: Sequence[Notice], files: Sequence[Block]) -> None:
        """Settle the earlier history if the request has changed, and append the prompt."""
        texts = [TextBlock(text) for text in (self.prompt, *self.extra_text) if text.strip()]
        blocks: list[Block] = [*texts, *files]
        before = repair(self.messages)
        self.fingerprint = request.fingerprint
        if before and self.setup.fingerprint not in (b"", request.fingerprint):
            before = settle(before, request.tool_names)
            self.budget.forget_count()
            names = ", ".join(sorted(request.tool_names)) or "none"
            note = f"[conjure: the available tools have changed; the tools of this turn: {names}]"
            blocks.insert(0, TextBlock(note))
        backends = tuple(backend.name for backend in self.setup.backends)
        self.emit(TurnStarted(self.id, self.setup.parent_id, self.prompt, backends, self.setup.model.name))
        for notice in notices:
            self.emit(notice)
        self.emit(MessageAppended(self._conversation.begin(before, blocks)))

    def _rounds(self, request: Request) -> Iterator[Event]:
        while True:
            self.cancel.raise_if_set()
            if self.feed.round >= self.setup.limits.max_rounds:
                self.cancel.set("max_rounds")
                return
            self.feed.round += 1
            if self.feed.round > 1:
                request = self.prepare_request()
            self.emit(RoundStarted())
            yield from self.feed.drain()
            finished = yield from self._recovery.ask(request, self)
            if finished.message.tool_uses and self._stop_reason not in CUT_SHORT:
                yield from self._answer(finished.message)
            elif self._stop_reason == "pause_turn":
                self._count_pause()
            else:
                return

    def _count_pause(self) -> None:
        """Count a pause of the server's own loop; the next round sends its answer back unchanged."""
        self._pauses += 1
        most = self.setup.limits.max_pauses
        if self._pauses > most:
            raise PauseLimitError(
                f"The hosted container paused more than {counted(most, 'time')}. Its work is kept, and the next turn "
                "can continue it. The setting max_pauses allows more pauses."
            )

    def prepare_request(self) -> Request:
        """Let the backends contribute to the next request, and route its tool calls to them.

        Raises UsageError if two of them offer the same tool.
        """
        contributions = contributions_of(self.setup.backends, self)
        self._calls.owners = tool_owners(contributions)
        request = compose(self.setup.system, contributions, self.setup.model, self.setup.limits.max_tokens)
        self.budget.take_request(request)
        return request

    def offered_tools(self) -> frozenset[str]:
        """The names of the tools that the backends currently offer."""
        return frozenset(tool_owners(contributions_of(self.setup.backends, self)))

    def _max_tokens_or_stop(self) -> int:
        """The most tokens the next answer may have. Raises CancelledError, ending the turn, if no money is left."""
        most = self.budget.max_tokens(self.messages)
        if most < 1:
            self.cancel.set("max_cost")
            self.cancel.raise_if_set()
        return most

    @property
    def has_spoken(self) -> bool:
        """True if the answer that ended or failed last had begun."""
        return bool(self._text or self._said)

    def listen(self, request: Request) -> Generator[Event, None, MessageFinished]:
        """Send the conversation, pass on the model's answer, and append it when it is complete."""
        self._said, self._text, self._stop_reason = [], [], ""
        request = replace(request, messages=self.messages, max_tokens=self._max_tokens_or_stop())
        finished: MessageFinished | None = None
        emit, pushed = self.feed.emit, self.feed.pushed
        said = masked_events(self.setup.model.stream(request, self.cancel), self.setup.secrets)
        with contextlib.closing(said) as events:
            for body in events:
                emit(body)
                while pushed:  # like `drain`, without a generator for each of thousands of deltas
                    yield pushed.popleft()
                if type(body) is TextDelta:  # by far the most common
                    self._text.append(body.text)
                elif isinstance(body, MessageStarted):
                    self.budget.expect(body.usage)
                elif isinstance(body, BlockFinished | MessageFinished):
                    if isinstance(body, BlockFinished):
                        self._said.append(body.block)
                        self._text = []
                    else:
                        finished = body
                    for backend in self.setup.backends:
                        yield from self.feed.relay(backend.observe(body, self))
        if finished is None:
            self.cancel.raise_if_set()
            raise ModelError(f"{self.setup.model.name} ended its stream without a complete message")
        finished = self._take(request, finished)
        yield from self.feed.drain()
        return finished

    def _take(self, request: Request, finished: MessageFinished) -> MessageFinished:
        """Bill the answer, append its message as far as it is valid, and return it as it can be sent back."""
        finished = replace(finished, message=self._fit(finished.message))
        self._stop_reason = finished.stop_reason or "unknown"
        if self._stop_reason == "max_tokens" and request.max_tokens < self.budget.longest(request.messages):
            self.cancel.set("max_cost")  # the answer was cut by the cost limit
        self.budget.bill(finished.usage)
        content = finished.message.content
        if self._stop_reason in CUT_SHORT and finished.message.tool_uses:
            content = unfinished(content)
        self._said, self._text = [], []
        if content:
            self._append(Message("assistant", content))
            self.budget.count(finished.usage, len(self.messages))
        elif self._stop_reason in ("end_turn", "stop_sequence", "unknown"):
            self.emit(Notice(NOTHING, "warning"))
        return finished

    def _fit(self, message: Message) -> Message:
        """The message with unique call ids. Raises ModelError if it cannot be sent back."""
        try:
            fit = with_own_ids(message, self.messages)
            _ = fit.encoded
        except (TypeError, ValueError, RecursionError) as error:
            raise ModelError(
                f"{self.setup.model.name} sent a message that cannot be written as JSON: {error}"
            ) from None
        if is_nested_deeply(fit):
            raise ModelError(f"{self.setup.model.name} sent a message that is nested more than {MAX_DEPTH} deep")
        return fit

    def _answer(self, message: Message) -> Iterator[Event]:
        """Run the calls of a message and append all results in one message, whatever happens."""
        answer: list[Block] = []
        try:
            yield from self._calls.run(message.tool_uses, self, answer)
        finally:
            if not self._conversation.awaits_server:  # otherwise only results may follow
                answer += self._calls.take_held()
            self._append(Message("user", tuple(answer)))
        yield from self.feed.drain()

    # ---- the end

    def _finish(self) -> None:
        """Make the turn's messages valid and emit `TurnFinished`; nothing is yielded here."""
        self._deadline.stop()
        left = unfinished([*self._said, TextBlock("".join(self._text))])
        if left:
            self._append(Message("assistant", left))
        self.budget.bill_unfinished([Message("assistant", left)] if left else [])
        self._conversation.repair()
        if self._calls.held:
            self._append(Message("user", tuple(self._calls.take_held())))
        self._calls.close()
        own = self._conversation.own
        if self._stop_reason == "refusal" and not self._error and self.cancel.reason is None:
            self._withdraw()
        stop_reason = "error" if self._error else self.cancel.reason or self._stop_reason
        self.result = TurnResult(
            session=self.setup.session,
            turn=self.setup.number,
            id=self.id,
            parent_id=self.setup.parent_id,
            prompt=self.prompt,
            backends=tuple(backend.name for backend in self.setup.backends),
            model=self.setup.model.name,
            items=tuple(self.feed.record.items),
            files=self.feed.record.files,
            messages=own,
            usage=self.budget.usage,
            cost=self.budget.cost,
            stop_reason=stop_reason,
            seconds=time.monotonic() - self._started,
            rounds=self.feed.round,
            error=self._error,
            remedy=self._remedy,
            extra_text=self.extra_text,
            input_files=self.input_files,
        )
        self.emit(TurnFinished(self.result))

    def _withdraw(self) -> None:
        """Leave a refused turn out of later requests, which would be refused for it as well; its cell keeps it."""
        self._conversation.withdraw()
        unchanged = self.messages == self.setup.messages
        self.budget.counted = self.setup.counted if unchanged else Counted()

    def _append(self, message: Message) -> None:
        self.emit(MessageAppended(self._conversation.append(message)))
