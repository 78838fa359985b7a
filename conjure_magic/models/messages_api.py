"""The real model: Anthropic's Messages API, or any server that speaks it."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Generator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from conjure_magic.api import faults
from conjure_magic.api.client import Answer, Api, Patience
from conjure_magic.api.keys import Credentials
from conjure_magic.cancel import Cancel, Deadline
from conjure_magic.errors import (
    CancelledError,
    HostedSkillNotFoundError,
    ModelError,
    RequestRefusedError,
    StreamCutError,
)
from conjure_magic.events import ModelEvent
from conjure_magic.messages import Usage
from conjure_magic.models.assembly import MessageAssembly
from conjure_magic.models.base import Request, ToolDefinition
from conjure_magic.models.prices import ModelFacts, Price, facts_of, parse_price
from conjure_magic.remedies import HOSTED_SKILLS, Remedy, option

if TYPE_CHECKING:
    import httpx

THINKING = {"type": "adaptive", "display": "summarized"}
"""Text between tool calls arrives as thinking on current models, and is empty unless asked for like this."""
NO_CODE = "does not run code in Anthropic's container, which the backend anthropic needs."
ANOTHER_MODEL = Remedy("Choose another with {0}, or leave that backend out.", option("model", "NAME"))
CACHE = {"type": "ephemeral"}
LEARNING = 10.0
"""Seconds that a server may take to tell a model's limits."""
HEADS = 8
"""How many different pairs of system text and tools are kept in their encoded form."""


def read_message(answer: Answer, api: Api) -> Generator[ModelEvent, None, Sequence[ModelEvent]]:
    """Yield an open answer's events as they come; returns those that tell of the whole message.

    Raises one ModelError if the message does not become whole, CancelledError once the turn is stopped.
    """
    message = MessageAssembly()
    events = answer.events()
    for wire in events:
        if wire["type"] == "error":
            failure = api.masked(faults.from_body(wire, None))
            raise failure  # on a line of its own: tracebacks may show the variables of a line
        event = message.take(wire)
        if event is not None:
            yield event
        elif message.is_whole:
            break
    if not message.is_whole:
        raise StreamCutError(f"{api.server} ended its answer before the message was complete.")
    last = message.finish()
    answer.finish(events)
    return last


def _encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


class MessagesModel:
    """A model by its id, on one server. One instance serves many sessions and threads.

    Args:
        name: the model's id, as the server knows it.
        credentials: where, and as whom; see `conjure_magic.api.keys.credentials`.
        client: an httpx client in the place of connections of our own.
        patience: timeouts and retries.
        prices: a setting's prices by model id, which go before the table; see `prices.parse_price`.

    Raises UsageError if the credentials or a price cannot be used.
    """

    def __init__(
        self,
        name: str,
        credentials: Credentials,
        *,
        client: httpx.Client | None = None,
        patience: Patience | None = None,
        prices: Mapping[str, object] | None = None,
    ) -> None:
        self._name = name
        self._api = Api(credentials, client=client, patience=patience)
        self._is_anthropic = credentials.dialect == "anthropic"
        self._facts = facts_of(name)
        self._asked_for_limits = False
        own = (prices or {}).get(name)
        # Another server's price for a model of that name may be any.
        self._price = parse_price(own, name) if own is not None else self._facts.price if self._is_anthropic else None
        self._heads: list[tuple[str, tuple[ToolDefinition, ...], bytes]] = []

    def __repr__(self) -> str:
        return f"MessagesModel({self._name!r}, {self._api.server})"

    @property
    def name(self) -> str:
        """The model's id."""
        return self._name

    @property
    def credentials(self) -> Credentials:
        """Where requests go, and as whom; showing it shows no key."""
        return self._api.credentials

    @property
    def price(self) -> Price | None:
        """What it costs; None if that is not known."""
        return self._price

    @property
    def context_window(self) -> int | None:
        """Tokens that prompt and answer may have together, as far as known; see `limits`."""
        return self._facts.context_window

    @property
    def max_output(self) -> int | None:
        """Tokens that one answer may have, as far as known; see `limits`."""
        return self._facts.max_output

    def cost(self, usage: Usage) -> float | None:
        """US dollars for the tokens of one request (prices may depend on its length); None if not known."""
        return self._price.cost(usage) if self._price is not None else None

    def limits(self, cancel: Cancel) -> ModelFacts:
        """What the server says of the model, asked once, on top of the table; the table alone if it says nothing.

        Raises CancelledError once `cancel` is set.
        """
        if not self._asked_for_limits:
            self._asked_for_limits = True
            with contextlib.suppress(ModelError):
                wire = self._api.get(f"/v1/models/{quote(self._name, safe='')}", cancel)
                if isinstance(wire, Mapping):
                    self._facts = self._facts.updated(wire)
        return self._facts

    def stream(self, request: Request, cancel: Cancel) -> Generator[ModelEvent, None, None]:
        """Yield the answer as it comes; the last event is a `MessageFinished`.

        A `BlockFinished` with a tool call is for showing: the call may run only once the `MessageFinished`
        that holds it is there. Waits for another try are told as notices; there is none once the answer has
        begun. Raises one ModelError if there is no whole answer, CancelledError once `cancel` is set.
        """
        if self.max_output is None:  # a model in no table: what it takes has to be known before
            self._try_limits(cancel)
        with (yield from self._open(request, cancel)) as answer:
            last = yield from read_message(answer, self._api)
        self._learn_limits()
        yield from last

    def _learn_limits(self) -> None:
        """Ask for the model's limits beside the work, after its first answer: the next request is measured by them."""
        if not self._asked_for_limits:
            threading.Thread(target=self._try_limits, name="limits", daemon=True).start()

    def _try_limits(self, turn: Cancel | None = None) -> None:
        """Ask for the limits, for `LEARNING` seconds at the most, and no longer than the turn."""
        if self._asked_for_limits:
            return
        cancel = Cancel()
        deadline = Deadline(cancel, LEARNING)
        deadline.start()
        with contextlib.suppress(CancelledError), (turn or Cancel()).waking(cancel.set):
            self.limits(cancel)
        deadline.stop()

    def close(self) -> None:
        """Close idle connections; the model can be used again."""
        self._api.close()

    def _open(self, request: Request, cancel: Cancel) -> Generator[ModelEvent, None, Any]:
        try:
            return (yield from self._api.open("POST", "/v1/messages", cancel, body=self.body(request), stream=True))
        except RequestRefusedError as error:
            if error.status == 404 and type(error) is RequestRefusedError:  # and no skill, file or container
                error.args = (f"{error} Does {self._api.server} have a model {self._name!r}?",)
            elif "code_execution" in error.said and "support" in error.said:
                error.args, error.remedy = (f"{error.fact} {self._name} {NO_CODE}",), ANOTHER_MODEL
            elif isinstance(error, HostedSkillNotFoundError):
                error.remedy = Remedy("{0} lists those that are there.", HOSTED_SKILLS)
            raise

    def body(self, request: Request) -> bytes:
        """The request as it goes over the wire: every message in the bytes that it was given once."""
        most = min(request.max_tokens, self.max_output or request.max_tokens)
        fields: dict[str, Any] = {"model": self._name, "max_tokens": most, "stream": True}
        if self._is_anthropic:
            fields["cache_control"] = CACHE
            if self._thinks:
                fields["thinking"] = THINKING
        fields |= request.fields
        messages = b",".join([message.encoded for message in request.messages])
        return b"".join((_encode(fields)[:-1], self._head(request), b',"messages":[', messages, b"]}"))

    @cached_property
    def _thinks(self) -> bool:
        """Decided once: to ask for thinking in one request and not in the next would spoil the cache."""
        return self._facts.adaptive_thinking

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
