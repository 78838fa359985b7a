"""Requests as the wire has them, sent with nothing but the standard library."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from conjure_magic.testing.stub import StubServer

OPUS = "claude-opus-5-5"
TOOL = {"name": "echo", "description": "Says it.", "input_schema": {"type": "object", "properties": {}}}
CODE = {"type": "code_execution_20260521", "name": "code_execution"}
USE = {"type": "tool_use", "id": "toolu_1", "name": "echo", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}
TEXT = {"type": "text", "text": "Hi."}
SERVER_USE = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "bash_code_execution", "input": {}}
SERVER_RESULT = {"type": "bash_code_execution_tool_result", "tool_use_id": "srvtoolu_1", "content": {}}
HEADERS = {"x-api-key": "k", "anthropic-version": "2026-10-21", "content-type": "application/json"}
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def body(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    whole = {"model": OPUS, "max_tokens": 99, "tools": [TOOL], "messages": list(messages) or [user(TEXT)], **fields}
    return {key: value for key, value in whole.items() if value is not ...}


def post(
    stub: StubServer, wire: object, path: str = "/v1/messages", headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """Status and JSON of a request made with nothing but the standard library."""
    data = wire if isinstance(wire, bytes) else json.dumps(wire).encode()
    request = urllib.request.Request(stub.url + path, data, HEADERS if headers is None else headers)
    try:
        with OPENER.open(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
