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
    ContextOverflowError,
    ModelError,
    PauseLimitError,
    RequestRefusedError,
    ThinkingRefusedError,
    UploadLostError,
)
from conjure_magic.events import (
    BlockFinished,
    Body,
    Compacted,
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
from conjure_magic.messages import Block, Message, TextBlock, Usage
from conjure_magic.models.base import CUT_SHORT, Model, Request
from conjure_magic.phrases import counted
from conjure_magic.remedies import RESET, UNDO, Remedy, limit, setting
from conjure_magic.secrets import masked
from conjure_magic.turn.budget import Budget, Counted
from conjure_magic.turn.compaction import summarise, summary_note
from conjure_magic.turn.conversation import TurnMessages
from conjure_magic.turn.feed import Feed
from conjure_magic.turn.masking import masked_events
from conjure_magic.turn.request import compose, contributions_of
from conjure_magic.turn.setup import TurnSetup
from conjure_magic.turn.tool_calls import Calls
from conjure_magic.workspace import Workspace

GO_ON = Remedy("Leave {0} out, or start over with {1}.", limit("compact", "False"), RESET)
LOST = (
    "A file sent to Anthropic earlier is no longer stored there, so the conversation continues without it. Attach "
    "it again if it is still needed."
)
_TOO_LONG = (
    "This request does not fit even by itself. {0} limits the length of the answer and {1} gives the model's context "
    "window; fewer skills and files make the request shorter"
)
_LENGTHS = (setting("max_tokens"), setting("context_window"))
TOO_LONG = Remedy(f"{_TOO_LONG}.", *_LENGTHS)
TOO_LONG_BY_NOW = Remedy(f"{_TOO_LONG}, and {{2}} removes the last turn.", *_LENGTHS, UNDO)
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
            request = self._prepare_request()
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
                request = self._prepare_request()
            self.emit(RoundStarted())
            yield from self.feed.drain()
            finished = yield from self._ask(request)
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

    def _prepare_request(self) -> Request:
        """Let the backends contribute to the next request, and route its tool calls to them.

        Raises UsageError if two of them offer the same tool.
        """
        contributions = contributions_of(self.setup.backends, self)
        self._calls.owners = tool_owners(contributions)
        request = compose(self.setup.system, contributions, self.setup.model, self.setup.limits.max_tokens)
        self.budget.take_request(request)
        return request

    def _offered(self) -> frozenset[str]:
        """The names of the tools that the backends currently offer."""
        return frozenset(tool_owners(contributions_of(self.setup.backends, self)))

    def _ask(self, request: Request) -> Generator[Event, None, MessageFinished]:
        """Send the conversation, summarised first if it would not fit, and again after each error that could be fixed.

        Each kind of error is fixed once.
        """
        if self.budget.is_full(self.messages) and self._conversation.rounds():
            yield from self._compact(request)
        fixed: set[type[ModelError]] = set()
        shortened = False
        while True:
            longest = self.budget.longest(self.messages)
            try:
                return (yield from self._listen(request))
            except ModelError as error:
                if self._text or self._said:
                    raise
                if not shortened and isinstance(error, ContextOverflowError) and self._fits_shorter(error, longest):
                    shortened = True
                    continue
                if type(error) in fixed or not self._try_to_fix(error):
                    if isinstance(error, ContextOverflowError):
                        error.remedy = error.remedy or (TOO_LONG_BY_NOW if self.setup.messages else TOO_LONG)
                    raise
                fixed.add(type(error))
                if isinstance(error, ContextOverflowError):
                    yield from self._compact(request)
                request = self._prepare_request()
                yield from self.feed.drain()

    def _fits_shorter(self, error: ContextOverflowError, longest: int) -> bool:
        """True if the requested answer was too long, rather than the conversation: now that the window is known, a
        shorter answer can be requested."""
        window = self.setup.model.context_window
        if window is None or (error.prompt or 0) >= window:
            return False
        if error.prompt is not None:
            self.budget.count(Usage(error.prompt, 0), len(self.messages))
        room = window - self.budget.tokens(self.messages)
        return room > 0 and self.budget.longest(self.messages) < longest

    def _try_to_fix(self, error: ModelError) -> bool:
        """Fix the cause of a failed request and notify the user: by a backend, or by leaving out what is refused.

        Returns True if another attempt makes sense, also if it only needs a summary.
        """
        told = [text for backend in self.setup.backends if (text := backend.recover(error))]
        if isinstance(error, UploadLostError):
            self._conversation.lose_uploads(error.said, self._offered())
            self.budget.forget_count()
            told += [LOST]
        elif told:
            self._conversation.give_up_resuming()
        elif isinstance(error, ThinkingRefusedError) and self._conversation.rounds():
            self._conversation.settle(self._offered())
            self.budget.forget_count()
            told = ["The server no longer accepts the model's earlier thinking; it was left out."]
        for text in told:
            self.emit(Notice(text, "warning"))
        return bool(told) or (isinstance(error, ContextOverflowError) and bool(self._conversation.rounds()))

    def _compact(self, request: Request) -> Iterator[Event]:
        """Replace whole rounds with a summary, and continue with the prompt of this turn."""
        messages = self._conversation.rounds()
        if not self.setup.limits.compact:
            window = self.setup.model.context_window
            limit = f"the limit of {counted(window, 'token')}" if window else "the context limit"
            raise ContextOverflowError(f"The conversation nears {limit} of {self.setup.model.name}.", remedy=GO_ON)
        summary = summarise(self.setup.model, request, messages, self.cancel, self.budget)
        summary = replace(summary, text=masked(summary.text, self.setup.secrets()))
        self.budget.forget_count()
        self._conversation.compact(summary_note(summary.text))
        self.emit(Compacted(summary.text, len(messages)))
        made = f"{'an extract' if summary.rule else 'a summary'} of {counted(len(summary.text.split()), 'word')}"
        why = f" ({summary.rule})" if summary.rule else ""
        told = f"{made} replaces {counted(len(messages), 'message')}{why}"
        self.emit(Notice(f"The conversation neared the model's context limit: {told}. Earlier output is unchanged."))
        yield from self.feed.drain()

    def _max_tokens_or_stop(self) -> int:
        """The most tokens the next answer may have. Raises CancelledError, ending the turn, if no money is left."""
        most = self.budget.max_tokens(self.messages)
        if most < 1:
            self.cancel.set("max_cost")
            self.cancel.raise_if_set()
        return most

    def _listen(self, request: Request) -> Generator[Event, None, MessageFinished]:
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
