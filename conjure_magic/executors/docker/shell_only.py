"""Commands in a container without Python, each started by the engine: slower than a supervisor, and the same to see."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping

from conjure_magic.errors import BackendError, ContainerError
from conjure_magic.executors.docker import engine, streams
from conjure_magic.executors.docker.container import Container
from conjure_magic.executors.docker.container_channel import OWN_PROCESSES, ContainerChannel
from conjure_magic.executors.supervisor_channel import READ, poll

LOOK_EVERY = 0.5
"""Seconds of silence after which the engine is asked whether the command still runs."""
HELD = 3.0
"""Seconds that the engine may leave a stream open after its command has ended, as it does where something in the
background holds it."""

# Nothing runs before the line comes, by which we hold the stream. Raising one's own score needs no leave.
_COMMAND = """
read -r _; exec </dev/null
echo 500 2>/dev/null >/proc/self/oom_score_adj
s=$(command -v bash) || s=/bin/sh
exec "$s" -c "$0"
"""
# All are stopped before the first is killed: no shell may live to run the command after a killed one.
_KILL = """
for s in STOP KILL; do
  i=0
  while [ $i -lt 9 ]; do
    for d in /proc/[0-9]*; do
      p=${d#/proc/}
      case $p in 1|$0|$$) ;; *) kill -$s $p 2>/dev/null ;; esac
    done
    i=$((i+1))
  done
done
"""


class ExecChannel(ContainerChannel):
    """Emulates a supervisor's frames. The end of a command is taken from the engine, never from inside."""

    def __init__(self, container: Container, keeper: int) -> None:
        """`keeper` is the process id that keeps the container alive."""
        super().__init__(container)
        self._keeper = keeper
        self._exec = ""
        self._stream: socket.socket | None = None
        self._demux = streams.Demux()
        self._ended: list[tuple[bytes, bytes]] = []
        self._left = 0
        self._over = 0.0

    def run(self, cwd: str, command: str, environ: Mapping[str, str]) -> None:
        """Start a command. Raises BackendError if that cannot be done."""
        self.idle, self._over = False, 0.0
        self._demux = streams.Demux()
        client = self.container.client
        api = client.api
        with (
            engine.telling("starting a command", self.container.plan.limits.host),
            engine.patience(client, engine.WORK_TIMEOUT),
        ):
            made = api.exec_create(
                self.container.id,
                ["/bin/sh", "-c", _COMMAND, command],
                stdin=True,
                workdir=cwd,
                environment=dict(environ),
            )
            self._exec = made["Id"]
            stream = self._stream = engine.dial(self.container.plan.limits.host)
            body = json.dumps({"Detach": False, "Tty": False}).encode("ascii")
            streams.upgrade(stream, f"/v{api.api_version}/exec/{self._exec}/start", body)
            stream.sendall(b"\n")
            stream.setblocking(False)

    def kill(self) -> None:
        """Kill everything except what keeps the container alive; if that fails, kill the container."""
        api = self.container.client.api
        try:
            with (
                engine.telling("killing the command", self.container.plan.limits.host),
                engine.impatient(self.container.client),
            ):
                made = api.exec_create(self.container.id, ["/bin/sh", "-c", _KILL, str(self._keeper)])
                # Detached: the engine ends nothing while it cannot hand over output, which we do not read here.
                api.exec_start(made["Id"], detach=True)
        except BackendError:
            self.destroy()
        self._ended = [(b"D", b"0")]

    def receive(self, timeout: float | None, wake: int = -1) -> list[tuple[bytes, bytes]]:
        """The frames that a supervisor would send. Raises BackendError if the engine or container is gone."""
        stream = self._stream
        if stream is None:
            ended, self._ended = self._ended, []
            return ended
        try:
            ready = poll(LOOK_EVERY if timeout is None else min(timeout, LOOK_EVERY), stream.fileno(), wake)
            if stream.fileno() not in ready:
                return [] if ready else self._look(HELD)
            data = stream.recv(READ)
        except BlockingIOError:
            return []
        except OSError:
            raise ContainerError(self.died) from None
        if not data:
            return self._look(0)
        return [(b"O" if source == streams.STDOUT else b"E", piece) for source, piece in self._demux.feed(data)]

    def _look(self, patience: float) -> list[tuple[bytes, bytes]]:
        """The final frames, if the engine says that the command ended at least `patience` seconds ago."""
        with (
            engine.telling("asking for the command", self.container.plan.limits.host),
            engine.impatient(self.container.client),
        ):
            state = self.container.client.api.exec_inspect(self._exec)
        if state["Running"]:
            return []
        self._over = self._over or time.monotonic()
        if time.monotonic() < self._over + patience:
            return []
        self._hang_up()
        killed, self._ended = self._ended, []
        left, self._left = self._left, max(self.container.processes() - OWN_PROCESSES, 0)
        code = state["ExitCode"]
        cut = bool(killed) and code == 137
        return [(b"X", f"{-9 if cut else code} {max(self._left - left, 0)} {cut:d}".encode()), *killed]

    def _hang_up(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def is_clean(self) -> bool:
        """As in any container; the killing process itself may take a moment to end."""
        end = time.monotonic() + HELD
        while not super().is_clean():
            if time.monotonic() > end or not self.container.is_connected:
                return False
            time.sleep(0.05)
        self._left = 0
        return True

    def destroy(self) -> None:
        """Have the engine kill everything."""
        self._hang_up()
        super().destroy()

    def close(self) -> None:
        """Stop the container. May be called more than once."""
        super().close()
        self._hang_up()
