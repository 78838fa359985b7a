"""A strict stand-in for the Messages API on loopback: scripted answers, real rules, and faults on request."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from conjure_magic.testing.stub import endpoints, http
from conjure_magic.testing.stub.billing import Link, Prefixes, PromptCache, chain, iterations, usage_wire
from conjure_magic.testing.stub.blocks import first_extra
from conjure_magic.testing.stub.catalogue import MODELS, StubModel, page
from conjure_magic.testing.stub.conversation import SentThinking
from conjure_magic.testing.stub.hosted import Hosted
from conjure_magic.testing.stub.listener import Listener
from conjure_magic.testing.stub.recorded import Recorded
from conjure_magic.testing.stub.replies import Reply, as_reply, complete, error_body, stop_reason, stream
from conjure_magic.testing.stub.rules import (
    RefusedError,
    check_compatible,
    check_fields,
    check_messages,
    check_programmatic,
    check_tools,
    require,
)

Answerable = Reply | str | dict[str, Any] | Sequence[dict[str, Any] | str]
Rule = Callable[[dict[str, Any]], Answerable]
VERSIONS = ("2023-06-01", "2026-10-21")


class StubServer:
    """Messages API on loopback, as a context manager; its `url` is the base URL for clients.

    Args:
        *replies: scripted answers, in order; see `reply`.
        rule: makes the answer when the script is at its end; without one it is "Done.".
        key: the only key that is accepted; any if it is empty.
        compatible: behave like a small server that speaks the protocol: no caching, thinking, request ids,
            pings or usage, and a refusal of what such servers refuse.
        models: the models there are.
        keep_bodies: whether `requests` keeps what was asked.
    """

    def __init__(
        self,
        *replies: Answerable,
        rule: Rule | None = None,
        key: str = "",
        compatible: bool = False,
        models: Mapping[str, StubModel] = MODELS,
        keep_bodies: bool = True,
        port: int = 0,
    ) -> None:
        self.requests: list[Recorded] = []
        self.rule = rule
        self.key = key
        self.compatible = compatible
        self.models = dict(models)
        self.hosted = Hosted()
        self._listener = Listener(self._serve, port)
        self._keep_bodies = keep_bodies
        self._script: deque[Reply] = deque(as_reply(reply) for reply in replies)
        self._faults: list[tuple[str, Reply]] = []
        self._ids = itertools.count(1)
        self._memory = SentThinking()
        self._cache = PromptCache()
        self._prefixes = Prefixes()

    # ---- running

    def __enter__(self) -> StubServer:
        self._listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving; connections are cut."""
        self._listener.close()

    async def serve(self, ready: threading.Event | None = None) -> None:
        """Serve until `close`, in the running event loop; `ready` is set once `url` is set."""
        await self._listener.serve(ready)

    @property
    def url(self) -> str:
        """The base URL for clients; empty until the server runs."""
        return self._listener.url

    # ---- scripting

    def reply(self, *replies: Answerable) -> None:
        """Add answers to the script: `Reply`s, text, a block, or a list of blocks."""
        self._script.extend(as_reply(reply) for reply in replies)

    def fault(self, path: str, *replies: Reply) -> None:
        """Let the next requests whose path begins like this be answered by these: of other endpoints than messages."""
        self._faults += [(path, reply) for reply in replies]

    def forget_script(self) -> None:
        """Forget the answers that were not given yet."""
        self._script.clear()
        self._faults.clear()

    def reset(self) -> None:
        """Forget script and requests; caches and what was sent stay."""
        self.forget_script()
        self.requests.clear()

    def forget_thinking(self) -> None:
        """Accept no thinking that was sent so far, like a server that is asked by another organisation."""
        self._memory.forget()

    @property
    def messages(self) -> list[Recorded]:
        """The requests for a message alone."""
        return [request for request in self.requests if request.path == "/v1/messages"]

    # ---- one connection

    async def _serve(
        self, request: http.HttpRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one request; return True if the connection stays open."""
        if request.path.startswith("/_stub/"):
            await self._control(request, writer)
            return True
        record = Recorded(len(self.requests) + 1, request.method, request.path, request.headers)
        self.requests.append(record)
        try:
            return await self._endpoint(request, record, reader, writer)
        except RefusedError as refused:
            record.status, record.error, record.finished = refused.status, str(refused), True
            body = error_body(refused.kind, str(refused), f"req_stub{record.number:06}", refused.code)
            if self.compatible:
                body = {"error": {"code": refused.status, "message": str(refused)}}
            await self._json(writer, refused.status, body, record)
            return not request.too_large
        finally:
            record.answered.set()

    async def _endpoint(
        self, request: http.HttpRequest, record: Recorded, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        self._authorize(request)
        fault = next((found for found in self._faults if request.path.startswith(found[0])), None)
        if fault is not None and request.path != "/v1/messages":
            self._faults.remove(fault)
            return await self._scripted(fault[1], record, reader, writer)
        answer: object
        match (request.method, request.path.split("/")[1:]):
            case ("POST", ["v1", "messages"]):
                return await self._message(request, record, reader, writer)
            case ("POST", ["v1", "messages", "count_tokens"]) if not self.compatible:
                answer = self._count(self._body(request, record))
            case ("GET", ["v1", "models"]) if not self.compatible:
                answer = page(list(self.models.values()), request.query)
            case ("GET", ["v1", "models", name]) if not self.compatible:
                answer = self._model(name).to_dict()
            case (_, ["v1", "files" | "skills", *_]) if not self.compatible:
                answer = endpoints.answer(self.hosted, request)
            case _:
                raise RefusedError("Not Found", 404)
        record.status, record.finished = 200, True
        if isinstance(answer, endpoints.Content):
            await http.respond(writer, 200, answer.data, answer.media_type, self._headers(record, {}))
            return True
        await self._json(writer, 200, answer, record)
        return True

    def _authorize(self, request: http.HttpRequest) -> None:
        headers = request.headers
        if request.too_large:
            raise RefusedError("Request exceeds the maximum allowed number of bytes.", 413)
        version = headers.get("anthropic-version")
        require(version is not None, "anthropic-version: header is required")
        require(version in VERSIONS, f'anthropic-version: "{version}" is not a valid version')
        given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        if not given and not self.compatible:
            raise RefusedError("x-api-key header is required", 401)
        if self.key and given != self.key:
            raise RefusedError("invalid x-api-key", 401)

    def _body(self, request: http.HttpRequest, record: Recorded) -> dict[str, Any]:
        require("application/json" in request.headers.get("content-type", ""), "content-type: must be application/json")
        try:
            body = json.loads(request.body, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise RefusedError(f"The request body is not valid JSON: {error}") from None
        require(isinstance(body, dict), "The request body is not an object")
        assert isinstance(body, dict)
        if self._keep_bodies:
            record.body = body
        return body

    def _model(self, name: object) -> StubModel:
        model = self.models.get(str(name))
        if model is None and self.compatible:
            return StubModel(str(name))
        if model is None:
            raise RefusedError(f"model: {name}", 404)
        return model

    def _count(self, body: dict[str, Any]) -> dict[str, int]:
        self._check(body, counting=True)
        return {"input_tokens": sum(link.tokens for link in chain(body))}

    def _check(self, body: dict[str, Any], *, counting: bool) -> StubModel:
        require(isinstance(body.get("model"), str), "model: Field required")
        model = self._model(body["model"])
        check_tools(body.get("tools"))
        check_messages(body.get("messages"), resumes=self._memory.resumes(body.get("messages")))
        if not self.compatible:
            extra = first_extra(body["messages"])
            require(not extra, f"{extra}: Extra inputs are not permitted")
        check_fields(body, model, counting=counting)
        check_programmatic(body)
        self.hosted.check(body)
        return model

    # ---- messages

    async def _message(
        self, request: http.HttpRequest, record: Recorded, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        body = self._body(request, record)
        model = self._check(body, counting=False)
        if self.compatible:
            check_compatible(body, request.headers)
        links = self._memory.check(body)
        record.prefix_change = self._prefixes.change(links)
        prompt = sum(link.tokens for link in links)
        require(prompt <= model.window, f"prompt is too long: {prompt} tokens > {model.window} maximum")
        reply = self._script.popleft() if self._script else as_reply(self.rule(body) if self.rule else "Done.")
        if reply.silent or reply.drop or reply.body is not None:
            return await self._scripted(reply, record, reader, writer)
        message = self._compose(body, model, links, reply, record)
        if not body.get("stream"):
            record.finished = True
            await self._json(writer, 200, {**message, "content": [_readable(b) for b in message["content"]]}, record)
            return True
        return await self._stream(message, reply, record, reader, writer)

    async def _scripted(
        self, reply: Reply, record: Recorded, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """A fault before any content, or a body as it was scripted: cut or stalled where the reply says so."""
        if reply.silent:
            await reader.read()
        if reply.silent or reply.drop:
            return False
        content = (reply.body or "").encode()
        limit = min((n for n in (reply.cut_after, reply.stall_after) if n is not None), default=len(content))
        record.status, record.sent = reply.status, min(limit, len(content))
        headers = {"content-length": str(len(content)), **self._headers(record, reply.headers)}
        await http.respond(writer, reply.status, content[:limit], reply.content_type, headers)
        if reply.stall_after is not None:
            await reader.read()
        record.finished = limit >= len(content)
        return record.finished

    def _compose(
        self, body: dict[str, Any], model: StubModel, links: list[Link], reply: Reply, record: Recorded
    ) -> dict[str, Any]:
        """The whole message of a reply, signed and billed."""
        scripted = [*self._memory.due(body), *complete(reply, self._ids)]
        blocks, later, container = self.hosted.run(body, scripted, self._ids)
        if not self.compatible:
            shown = (body.get("thinking") or {}).get("display") == "summarized"
            for block in blocks:
                if block["type"] == "thinking" and not shown:
                    block["thinking"] = ""
        reason = stop_reason(reply, blocks)
        self._memory.sign(body, links, blocks, reason)
        self._memory.leave_open(body, blocks, later, container["id"] if container else None, reason)
        message: dict[str, Any] = {
            "id": f"msg_stub{record.number:06}",
            "type": "message",
            "role": "assistant",
            "model": model.id,
            "content": blocks,
            "stop_reason": reason,
            "stop_sequence": None,
            **({"container": container, "stop_details": None, "diagnostics": None} if not self.compatible else {}),
            **reply.extra,
        }
        record.status = 200
        if not self.compatible:
            first = self._cache.account(body, links, model.cache_minimum)
            record.iterations = iterations(first, message["content"], reply.output_tokens)
            record.usage = {name: sum(one[name] for one in record.iterations) for name in record.iterations[0]}
            message["usage"] = usage_wire(record.usage)
            if reply.iterations:
                message["usage"]["iterations"] = [{"type": "message", **one} for one in record.iterations]
        return message

    async def _stream(
        self,
        message: dict[str, Any],
        reply: Reply,
        record: Recorded,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        chunks = http.Chunks(writer)
        await chunks.begin("text/event-stream; charset=utf-8", self._headers(record, reply.headers))
        limit = min((n for n in (reply.cut_after, reply.stall_after) if n is not None), default=None)
        for event in stream(message, reply, record.iterations[0] if record.iterations else None):
            if reply.delay:
                await asyncio.sleep(reply.delay)
            piece = event if limit is None else event[: limit - record.sent]
            record.sent += len(piece)
            await chunks.send(piece)
            if limit is not None and record.sent >= limit:
                break
        if reply.stall_after is not None:
            await reader.read()
            return False
        if reply.cut_after is not None:
            return False
        await chunks.end()
        record.finished = True
        return True

    # ---- plumbing

    def _headers(self, record: Recorded, more: Mapping[str, str]) -> dict[str, str]:
        own = {} if self.compatible else {"request-id": f"req_stub{record.number:06}"}
        return {**own, **more}

    async def _json(self, writer: asyncio.StreamWriter, status: int, body: object, record: Recorded) -> None:
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        await http.respond(writer, status, content, "application/json", self._headers(record, {}))

    async def _control(self, request: http.HttpRequest, writer: asyncio.StreamWriter) -> None:
        """Scripting from another process: `POST /_stub/replies`, `GET /_stub/requests`, `POST /_stub/reset`."""
        answer: object = {}
        match (request.method, request.path):
            case ("POST", "/_stub/replies"):
                self.reply(*[Reply.from_dict(wire) for wire in json.loads(request.body)])
            case ("GET", "/_stub/requests"):
                answer = [record.to_dict() for record in self.requests]
            case ("POST", "/_stub/reset"):
                self.reset()
        await http.respond(writer, 200, json.dumps(answer).encode(), "application/json", {})


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not allowed")


def _readable(block: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in block.items() if key != "raw"}
