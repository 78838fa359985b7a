"""Sessions over the stub as if it were Anthropic's server, for tests of the hosted backend and of mixed turns."""

from __future__ import annotations

import threading
import time
from typing import Any

from conjure_magic.api.client import Patience
from conjure_magic.api.credentials import Credentials, Key
from conjure_magic.models.messages_api import MessagesModel
from conjure_magic.session import Session
from conjure_magic.testing.stub import StubServer

KEY = "sk-ant-test-0123456789abcdefghij"
THINK = {"type": "thinking", "thinking": "Let me see."}


def model(
    stub: StubServer, name: str = "claude-opus-5-5", dialect: Any = "anthropic", *, retries: int = 0
) -> MessagesModel:
    """The model, told that the stub is Anthropic's."""
    credentials = Credentials(stub.url, "x-api-key", Key(KEY), dialect)
    return MessagesModel(name, credentials, patience=Patience(retries=retries))


def session(stub: StubServer, backend: Any = "anthropic", **options: Any) -> Session:
    """A session whose model is the stub."""
    return Session(backend, model=options.pop("model", None) or model(stub), **options)


def call(name: str, /, **given: Any) -> dict[str, Any]:
    """A block that calls a tool of ours."""
    return {"type": "tool_use", "name": name, "input": given}


def stop_when_asked(stub: StubServer, session: Session, path: str) -> None:
    """Stop the session's turn, from another thread, once the stub is asked for that path."""

    def wait() -> None:
        while not any(request.path == path for request in stub.requests):
            time.sleep(0.01)
        session.stop("interrupted")

    threading.Thread(target=wait, daemon=True).start()


def refused(stub: StubServer) -> list[str]:
    """Why the stub refused requests for messages; empty if it took them all."""
    return [request.error for request in stub.messages if request.error]


def sent(stub: StubServer, number: int = -1) -> dict[str, Any]:
    """The body of a request for a message."""
    body = stub.messages[number].body
    assert body is not None
    return body
