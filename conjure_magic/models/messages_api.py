"""The real model: Anthropic's Messages API, or any server that speaks it."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from conjure_magic.api import error_translation
from conjure_magic.api.client import Answer, Api, Patience, Tries
from conjure_magic.api.credentials import Credentials
from conjure_magic.cancel import Cancel
from conjure_magic.errors import (
    ContextOverflowError,
    HostedSkillNotFoundError,
    ModelError,
    RequestRefusedError,
    StreamCutError,
)
from conjure_magic.events import MessageFinished, ModelEvent, Notice
from conjure_magic.messages import Usage
from conjure_magic.models.base import Request, ToolDefinition
from conjure_magic.models.message_assembly import MessageAssembly
from conjure_magic.models.model_facts import ModelFacts, Price
from conjure_magic.models.model_limits import ModelLimits
from conjure_magic.models.token_counts import BYTES_PER_TOKEN, estimated_tokens
from conjure_magic.remedies import HOSTED_SKILLS, Remedy, option, setting

if TYPE_CHECKING:
    import httpx

THINKING = {"type": "adaptive", "display": "summarized"}
"""Current models send the text between tool calls as thinking, which is empty unless requested like this."""
NO_CODE = "does not run code in Anthropic's container, which the backend anthropic needs."
ANOTHER_MODEL = Remedy("Choose another with {0}, or leave that backend out.", option("model", "NAME"))
CACHE = {"type": "ephemeral"}
RUNS = re.compile(rb"(?:[\s=_*.#-]|\\[nrt]){3,}")
"""Runs of blanks and lines, which have far fewer tokens than characters."""
SPARSE = 6
"""Bytes of text that make a token where tokens are long: a low count, unlike `BYTES_PER_TOKEN`."""
HEADS = 8
"""How many different pairs of system text and tools are kept in their encoded form."""


def read_message(
    answer: Answer, api: Api, message: MessageAssembly | None = None
) -> Generator[ModelEvent, None, Sequence[ModelEvent]]:
    """Yield an open answer's events as they arrive; return the last ones, with the whole message.

    Args:
        answer: just opened.
        api: its server.
        message: assembles the answer.

    Raises ModelError if the message is not complete, CancelledError once the turn is stopped.
    """
    message = message or MessageAssembly()
    events, waiting = answer.events(), message.waiting
    for wire in events:
        if wire["type"] == "error":
            failure = api.masked(error_translation.from_body(wire.get("body", wire), None))
            raise failure  # on a line of its own: tracebacks may show the variables of a line
        event = message.take(wire)
        if event is not None:
            yield event
        while waiting:
            yield waiting.popleft()
        if message.is_whole:
            break
    if not message.has_ended:
        raise StreamCutError(f"{api.server} ended its answer before the message was complete.")
    last = message.finish()
    answer.finish(events)
    return last


def _encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace")


class MessagesModel:
    """A model by its id, on one server. One instance serves many sessions and threads.

    Args:
        name: the model's id, as the server knows it.
        credentials: the server and its key; see `conjure_magic.api.credentials.credentials`.
        client: an httpx client to use instead of own connections.
        patience: timeouts and retries.
        price: the user's own price, instead of the table's.
        context_window: tokens that prompt and answer may have together, instead of what the server says.

    Raises UsageError if the credentials cannot be used.
    """

    def __init__(
        self,
        name: str,
        credentials: Credentials,
        *,
        client: httpx.Client | None = None,
        patience: Patience | None = None,
        price: Price | None = None,
        context_window: int | None = None,
    ) -> None:
        self._name = name
        self._api = Api(credentials, client=client, patience=patience)
        self._is_anthropic = credentials.dialect == "anthropic"
        self._limits = ModelLimits(name, self._api, context_window)
        self._warned_of_truncation = False
        # Another server's price for a model of that name may be any.
        self._price = price or (self._limits.facts.price if self._is_anthropic else None)
        self._heads: list[tuple[str, tuple[ToolDefinition, ...], bytes]] = []

    def __repr__(self) -> str:
        return f"MessagesModel({self._name!r}, {self._api.server})"

    @property
    def name(self) -> str:
        """The model's id."""
        return self._name

    @property
    def credentials(self) -> Credentials:
        """The server and its key; its `repr` shows no key."""
        return self._api.credentials

    @property
    def price(self) -> Price | None:
        """What it costs; None if that is not known."""
        return self._price

    @property
    def context_window(self) -> int | None:
        """Tokens that prompt and answer may have together, as far as known; see `limits`."""
        return self._limits.window

    @property
    def server(self) -> str:
        """Scheme, host and port of the server."""
        return self._api.server

    @property
    def max_output(self) -> int | None:
        """Tokens that one answer may have, as far as known; see `limits`."""
        return self._limits.facts.max_output

    def cost(self, usage: Usage) -> float | None:
        """US dollars for the tokens of one request (prices may depend on its length); None if not known."""
        return self._price.cost(usage) if self._price is not None else None

    def limits(self, cancel: Cancel) -> ModelFacts:
        """What the server says of the model, asked once, on top of the table; the table alone if it says nothing.

        Raises CancelledError once `cancel` is set.
        """
        return self._limits.ask(cancel)

    def stream(self, request: Request, cancel: Cancel) -> Generator[ModelEvent, None, None]:
        """Yield the answer as it arrives; the last event is a `MessageFinished`.

        A `BlockFinished` with a tool call is only for display: the call may run once the `MessageFinished` that
        contains it has arrived. Each wait before a retry is a notice; nothing is retried once something was said.
        Raises ModelError if there is no complete answer, CancelledError once `cancel` is set.
        """
        if self.max_output is None:  # a model in no table: its limits must be known first
            yield from self._limits.ask_first(cancel)
        tries = Tries(self._api.patience)
        while (failure := (yield from self._attempt(request, cancel, tries))) is not None:
            yield from tries.again(failure, cancel, may_help=True)

    def _attempt(
        self, request: Request, cancel: Cancel, tries: Tries
    ) -> Generator[ModelEvent, None, ModelError | None]:
        """Send the request once and yield the answer; return the error if nothing was said and a retry may help."""
        schemas = {tool.name: tool.input_schema for tool in request.tools}
        message = MessageAssembly(schemas)
        with (yield from self._open(request, cancel, tries)) as answer:
            try:
                last = yield from read_message(answer, self._api, message)
            except ModelError as error:
                if message.has_spoken or not error_translation.may_retry_stream(error):
                    raise
                return error
        self._limits.ask_in_background()
        finished = last[-1]
        if isinstance(finished, MessageFinished) and (warning := self._truncation(request, finished.usage)):
            yield warning
        yield from last
        return None

    def _truncation(self, request: Request, usage: Usage) -> Notice | None:
        """A warning, once, if the server counted far less than was sent: it has dropped the beginning.

        Ollama does this silently if a conversation is longer than its window.
        """
        counted = usage.prompt_tokens
        if self._is_anthropic or self._warned_of_truncation or not counted:
            return None
        sent = len(RUNS.sub(b" ", self.body(request))) // SPARSE
        if sent < 2 * counted or sent < 1_000:
            return None
        self._warned_of_truncation = True
        return Notice(
            f"{self._api.server} counted {counted:,} tokens of a request that has {sent:,} or more: it seems to have "
            "dropped the beginning, because its window is smaller.",
            "warning",
            Remedy(
                "Load the model with a larger window (Ollama: the variable OLLAMA_CONTEXT_LENGTH), or name the real "
                "one: {0}.",
                setting("context_window"),
            ),
        )

    def close(self) -> None:
        """Close idle connections; the model can be used again."""
        self._api.close()

    def _open(self, request: Request, cancel: Cancel, tries: Tries) -> Generator[ModelEvent, None, Any]:
        """Send the request, and once more if the server refuses it for the length of the answer."""
        for shortened in (False, True):
            try:
                return (yield from self._post(request, cancel, tries))
            except RequestRefusedError as error:
                most = error.longest_answer
                if isinstance(error, ContextOverflowError):
                    self._limits.learn_from(error)
                elif most is not None and not shortened:
                    self._limits.learn_longest_answer(most)
                    yield Notice(
                        f"{self._name} answers with {most:,} tokens at most, so the answer is limited to them."
                    )
                    continue
                elif error.status == 404 and type(error) is RequestRefusedError:  # and no skill, file or container
                    error.args = (f"{error.fact} Does {self._api.server} have a model {self._name!r}?",)
                elif "code_execution" in error.said and "support" in error.said:
                    error.args, error.remedy = (f"{error.fact} {self._name} {NO_CODE}",), ANOTHER_MODEL
                elif isinstance(error, HostedSkillNotFoundError):
                    error.remedy = Remedy("{0} lists those that are there.", HOSTED_SKILLS)
                raise
        raise AssertionError("unreachable")

    def _post(self, request: Request, cancel: Cancel, tries: Tries) -> Generator[ModelEvent, None, Any]:
        body = self.body(request)
        return (yield from self._api.open("POST", "/v1/messages", cancel, body=body, stream=True, tries=tries))

    def body(self, request: Request) -> bytes:
        """The request as it is sent, each message in the bytes that it was encoded to once.

        Raises ModelError if a tool's schema is not JSON.
        """
        prompt = estimated_tokens(request.messages) + len(self._head(request)) // BYTES_PER_TOKEN
        most = self._limits.answer_tokens(request.max_tokens, prompt)
        fields: dict[str, Any] = {"model": self._name, "max_tokens": most, "stream": True}
        if self._is_anthropic:
            fields["cache_control"] = CACHE
            if self._thinks:
                fields["thinking"] = THINKING
        fields |= request.fields
        messages = b",".join([message.encoded for message in request.messages])
        try:
            return b"".join((_encode(fields)[:-1], self._head(request), b',"messages":[', messages, b"]}"))
        except (TypeError, ValueError) as error:
            raise ModelError(f"The request is not JSON, so it was not sent: {error}") from None

    @cached_property
    def _thinks(self) -> bool:
        """Decided once: to ask for thinking in one request and not in the next would spoil the cache."""
        return self._limits.facts.adaptive_thinking

    def _head(self, request: Request) -> bytes:
        """System text and tools as the rest of a JSON object, encoded once for all requests that share them."""
        for system, tools, encoded in self._heads:
            if system == request.system and tools == request.tools:
                return encoded
        encoded = b""
        if request.system:
            encoded += b',"system":' + _encode(request.system)
        if request.tools:
            encoded += b',"tools":' + _encode([tool.to_dict() for tool in request.tools])
        self._heads = [(request.system, request.tools, encoded), *self._heads[: HEADS - 1]]
        return encoded
