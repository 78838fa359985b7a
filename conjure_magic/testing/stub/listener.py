"""Connections to the stub on loopback, all of them on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable

from conjure_magic.testing.stub import http

Serve = Callable[[http.HttpRequest, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]]
"""Answers one request; returns True if the connection stays open."""


class Listener:
    """Accepts connections and passes their requests on, in its own thread or in a running event loop.

    Args:
        serve: answers each request.
        port: 0 for any free one.
    """

    def __init__(self, serve: Serve, port: int = 0) -> None:
        self.url = ""
        self._serve = serve
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._connections: dict[asyncio.Task[None], socket.socket] = {}

    def start(self) -> None:
        """Serve in a thread until `close`; returns once `url` is set."""
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self.serve(ready)), name="stub", daemon=True)
        self._thread.start()
        ready.wait(10)

    def close(self) -> None:
        """Stop serving; connections are cut."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has already ended
                self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join(10)

    async def serve(self, ready: threading.Event | None = None) -> None:
        """Serve until `close`, in the running event loop; `ready` is set once `url` is set."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        with socket.create_server(("127.0.0.1", self._port), backlog=1024) as listener:
            listener.setblocking(False)
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            if ready is not None:
                ready.set()
            self._loop.add_reader(listener, self._accept, listener)
            await self._stop.wait()
            self._loop.remove_reader(listener)
        connections = dict(self._connections)
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await asyncio.sleep(0)  # transports release their sockets
        for connection in connections.values():
            connection.close()  # one whose task had not started has no other owner

    def _accept(self, listener: socket.socket) -> None:
        """Serve one connection, known from its first moment: `asyncio.start_server` loses those of its last."""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio sees no TCP in this socket
            task = asyncio.get_running_loop().create_task(self._connection(connection))
            self._connections[task] = connection
            task.add_done_callback(self._connections.pop)

    async def _connection(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection, limit=1 << 20)
        try:
            while (request := await http.read_request(reader)) is not None:
                if not await self._serve(request, reader, writer):
                    break
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()  # what its peer never read is dropped
