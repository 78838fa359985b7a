"""Runs shell commands for its owner process, and ensures that none of their processes outlives it.

A script that uses only the standard library: `python -I -S supervisor.py [OWNER_PID [DIR]]`. The owner communicates
with it over its stdin and stdout. When that pipe closes, or the owner dies, it sends SIGKILL to every descendant,
deletes the folder DIR (which contains files only), and exits. On Linux it is a child subreaper: any process that a
command starts (after setsid or a double fork, with an empty environment, ignoring SIGTERM) becomes its child when
orphaned, so "no children left" means "no descendants left". On other systems it knows only process groups and the
output of `ps`; a daemon that has left both escapes it.

Frames in both directions: one byte for the kind, four for the length (big-endian), then the payload.

    received  R  run: cwd, command, NAME=value, … separated by NUL     K  kill everything
    sent      H  hello: protocol version, "subreaper" or "groups"      B  begun: the shell's pid
              O  bytes of stdout          E  bytes of stderr           F  could not start: reason
              X  exit: status (or minus the signal), processes left running, 1 if a kill cut it short
              D  everything killed: number of survivors

The shell of the next command is forked in advance while nothing runs, so that a request only has to exec it. After a
kill no shell is forked until a command has ended, so that the remaining processes can be counted from outside.

A command ends when its shell does: output in the pipes at that moment, and for another `DRAIN` seconds, is relayed.
Later output of background processes is read and dropped, so that they do not block.
"""

# ruff: noqa: I001, S606, SIM105 - `_signal` counts as third-party; no shell is intended; contextlib takes 2 ms to import
from __future__ import annotations

import os
import select
import sys
import time

# Not `signal`, whose enums take another 5 ms to import.
import _signal as signal  # type: ignore[import-not-found]

CHUNK, REQUEST_LIMIT = 1 << 16, 1 << 22
SIGNALS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ)
QUEUE_LIMIT = 1 << 18  # bytes queued for the owner above which commands' pipes are no longer read
HOLD, DRAIN, KILL_PATIENCE = 0.005, 0.1, 5.0  # seconds
Row = tuple[int, int, str, int]  # a process: parent, process group, state, start time


class GoneError(Exception):
    """The owner is gone, or sent an invalid frame."""


def proc_table() -> dict[int, Row]:
    """Every process in /proc."""
    table = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb", 0) as file:
                # The command's name, in parentheses, may contain anything: split after the last one.
                fields = file.read(1024).rpartition(b")")[2].split()
        except OSError:
            continue
        if len(fields) > 19:
            table[int(name)] = (int(fields[1]), int(fields[2]), fields[0].decode("ascii"), int(fields[19]))
    return table


def ps_table() -> dict[int, Row]:
    """Every process according to `ps`, for systems without /proc."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(writer, 1)
            os.execv("/bin/ps", ["ps", "-A", "-o", "pid=,ppid=,pgid=,state="])
        finally:
            os._exit(127)
    os.close(writer)
    with open(reader, "rb") as file:
        rows = [line.split() for line in file]
    os.waitpid(pid, 0)
    known = {int(row[0]): row for row in rows if len(row) > 3}
    known.pop(pid, None)
    return {number: (int(row[1]), int(row[2]), row[3].decode()[:1], 0) for number, row in known.items()}


def below(root: int, table: dict[int, Row], groups: frozenset[int] = frozenset()) -> dict[int, Row]:
    """The descendants of `root`, and the members of `groups`, in a table of processes."""
    children: dict[int, list[int]] = {}
    for pid, row in table.items():
        children.setdefault(row[0], []).append(pid)
    pending = [root, *(pid for pid, row in table.items() if row[1] in groups)]
    found = {}
    while pending:
        pid = pending.pop()
        if pid != root and pid not in found:
            found[pid] = table[pid]
        pending.extend(child for child in children.get(pid, ()) if child not in found and child != root)
    return found


def kill(rows: dict[int, Row]) -> None:
    """Send SIGKILL to these processes and their groups: a group is killed as a whole, even while its members fork.

    Uses the given order, parents first, so that no shell survives to run the next command of its script.
    """
    hit = {0, 1, os.getpgrp()}
    for pid, row in rows.items():
        for target in (-row[1], pid) if row[1] not in hit else (pid,):
            try:
                os.kill(target, signal.SIGKILL)
            except OSError:  # gone, or not ours to kill
                pass
        hit.add(row[1])


def prctl(option: int, value: int) -> bool:
    """Set an attribute of this process on Linux; False if that is not possible."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def become_subreaper() -> bool:
    """Adopt every orphaned descendant from now on; False if the system does not support it."""
    return prctl(36, 1)  # PR_SET_CHILD_SUBREAPER


def find_shell() -> str:
    """The path of bash, else of sh."""
    folders = [*os.environ.get("PATH", "").split(os.pathsep), *os.defpath.split(os.pathsep)]
    paths = [os.path.join(folder, name) for name in ("bash", "sh") for folder in folders if os.path.isabs(folder)]
    return next((path for path in paths if os.access(path, os.X_OK)), "/bin/sh")


def close(*fds: int) -> None:
    """Close these descriptors."""
    for fd in fds:
        os.close(fd)


def unread(fd: int) -> int:
    """Number of unread bytes in a pipe."""
    import fcntl
    import termios

    return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)


def become_command(gate: int, out: int, err: int, shell: str, request: bytes) -> None:
    """Turn this forked child into the shell: in its own session, with our stdin (/dev/null) and default signals.

    Everything that does not depend on the request is done before waiting for it. Returns if none arrives.
    """
    prctl(
        1, signal.SIGKILL
    )  # PR_SET_PDEATHSIG: it dies with us, even if it was stopped and cannot notice a closed pipe
    signal.set_wakeup_fd(-1)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)  # Python ignores some of them, which exec would preserve
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.setsid()
    os.dup2(out, 1)
    os.dup2(err, 2)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("500")  # when memory runs out, the command is killed before its owner
    except OSError:
        pass
    if given := os.read(gate, select.PIPE_BUF):
        cwd, command, *environ = (request or given).split(b"\0")
        os.chdir(cwd)
        env = {name: value for name, _, value in (entry.partition(b"=") for entry in environ)}
        os.execve(shell, [os.path.basename(shell).encode(), b"-c", command], env)


class Child:
    """A process that will become a command. It may be forked before its request is known, to save that time later."""

    def __init__(self, shell: str, ours: tuple[int, ...], request: bytes = b"") -> None:
        """Fork. The child closes `ours`. Raises OSError if there are no processes or descriptors left."""
        pipes: list[int] = []
        try:
            for _ in range(4):
                pipes += os.pipe()
            self.pid = os.fork()
        except OSError:
            close(*pipes)
            raise
        self.out, out, self.err, err, self.failure, failed, gate, self.gate = pipes
        self.request = request
        if self.pid == 0:
            try:
                close(*ours, self.gate)
                become_command(gate, out, err, shell, request)
            except BaseException as error:
                os.write(failed, str(error).encode("utf-8", "replace")[:1000] or b"unknown")
            os._exit(127)
        close(out, err, failed, gate)

    def run(self, request: bytes) -> None:
        """Let it continue with the request, which fits into PIPE_BUF: it reads all of it or, if we die, nothing."""
        try:
            os.write(self.gate, b"!" if self.request else request)
        except BrokenPipeError:  # it was killed, which its exit status will show
            pass
        os.close(self.gate)

    def release(self) -> None:
        """Close the descriptors of a child that will not run."""
        close(self.out, self.err, self.failure, self.gate)

    def reason(self) -> bytes:
        """Why it could not become a command; empty if it did. May be called once, after its death."""
        with open(self.failure, "rb", 0) as file:
            return file.read(1000)


class Supervisor:
    """State of the running command, and of the processes that earlier ones left."""

    def __init__(self, owner: int = 0) -> None:
        self.inp, self.out = os.dup(0), os.dup(1)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.set_blocking(self.out, False)
        self.owner, self.owner_fd = owner, -1
        self.subreaper = become_subreaper()
        self.table = proc_table if os.path.isdir("/proc/self") else ps_table
        self.shell_path = find_shell()
        self.request = b""
        self.queue: list[bytes] = []
        self.queued = 0
        self.shell = 0
        self.child: Child
        self.spare: Child | None = None
        self.due, self.crowded, self.hold = True, False, 0.0
        self.survivors: int | None = None  # of a kill that has not been answered yet
        self.status: int | None = None
        self.until, self.owed = 0.0, 0
        self.pipes: dict[int, bytes] = {}  # kind of frame for their output; empty: it is dropped
        self.before: set[tuple[int, int]] = set()
        self.groups: frozenset[int] = frozenset()
        self.cut = self.stop = False
        self.listen()
        self.send(b"H", b"1 subreaper" if self.subreaper else b"1 groups")

    def listen(self) -> None:
        """Wake up on signals, and on the owner's death even if another process keeps our pipe open."""
        self.wake, writer = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        if self.owner and hasattr(os, "pidfd_open"):
            try:
                self.owner_fd = os.pidfd_open(self.owner)
            except OSError:  # an old kernel, or already dead: then the parent has changed
                pass

    def children(self) -> bool:
        """Reap dead children and note how the shell ended; True if any child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if self.spare and pid == self.spare.pid:  # something killed it
                self.spare.release()
                self.spare = None
            if pid == self.shell and self.status is None:
                self.status = os.waitstatus_to_exitcode(status)
                self.until = time.monotonic() + DRAIN
                self.owed = sum(unread(fd) for fd, kind in self.pipes.items() if kind)

    def alive(self) -> dict[int, Row]:
        """Every descendant; reads the process table only if there can be any."""
        if not self.children() and self.subreaper:
            return {}
        rows = below(os.getpid(), self.table(), frozenset() if self.subreaper else self.groups)
        if self.spare:
            rows.pop(self.spare.pid, None)
        return rows

    def kill_all(self) -> int:
        """Send SIGKILL until no descendant is left. Return the number of survivors."""
        self.retire()
        end = time.monotonic() + KILL_PATIENCE
        while rows := self.alive():
            if time.monotonic() > end:
                return len(rows)
            kill(rows)
            select.select([self.wake], [], [], 0.01)  # until something dies, usually at once
            self.woken()
        return 0

    def start(self, payload: bytes) -> None:
        """Run the command of a request."""
        if self.shell or b"\0" not in payload:
            raise GoneError
        self.children()  # the spare child may be dead too
        self.before = {(pid, row[3]) for pid, row in self.alive().items()} if self.crowded else set()
        if len(payload) > select.PIPE_BUF:
            self.retire()
        try:
            child = self.spare or Child(self.shell_path, (self.inp, self.out), payload)
        except OSError as error:  # no more processes, or descriptors
            self.send(b"F", str(error).encode())
            return
        self.shell, self.child, self.spare, self.due = child.pid, child, None, False
        self.send(b"B", str(self.shell).encode())
        if self.owner:  # if the command kills us, the owner knows which process to find
            self.flush()
        else:  # on another machine: hold it back to send it together with the first output
            self.hold = time.monotonic() + HOLD
        child.run(payload)
        self.status, self.owed = None, 0
        self.pipes |= {child.out: b"O", child.err: b"E"}
        self.groups = self.groups | {self.shell}
        for fd in self.pipes:
            os.set_blocking(fd, False)

    def prepare(self) -> None:
        """Fork the next command's child, now that no one is waiting. Failures are reported by the next command."""
        self.due = False
        try:
            self.spare = self.spare or Child(self.shell_path, (self.inp, self.out))
        except OSError:
            pass

    def retire(self) -> None:
        """Kill the spare child."""
        if self.spare:
            os.kill(self.spare.pid, signal.SIGKILL)  # not reaped yet, so its pid has not been reused
            os.waitpid(self.spare.pid, 0)
            self.spare.release()
        self.spare, self.due = None, False

    def relay(self, fd: int) -> None:
        """Relay a chunk of the command's output; output after its end is dropped."""
        try:
            chunk = os.read(fd, CHUNK)
        except BlockingIOError:
            return
        if not chunk:
            os.close(fd)
            del self.pipes[fd]
        elif self.pipes[fd]:
            self.owed -= len(chunk)
            self.send(self.pipes[fd], chunk)

    def finish(self) -> None:
        """Report the end of the command, and of a kill, once all pending output has been relayed."""
        if self.shell:
            pipes = [fd for fd, kind in self.pipes.items() if kind]
            waiting = time.monotonic() < self.until or (self.owed > 0 and any(map(unread, pipes)))
            if self.status is None or (pipes and waiting):
                return
            self.pipes |= dict.fromkeys(pipes, b"")
            rows = self.alive()
            self.crowded = bool(rows)
            self.groups &= {row[1] for row in rows.values()}
            if reason := self.child.reason():
                self.send(b"F", reason)
            else:
                left = [row for pid, row in rows.items() if (pid, row[3]) not in self.before and row[2] != "Z"]
                self.send(b"X", f"{self.status} {len(left)} {self.cut:d}".encode())
            self.shell, self.cut, self.due = 0, False, self.survivors is None
        if self.survivors is not None:
            self.send(b"D", str(self.survivors).encode())
            self.survivors = None

    def send(self, kind: bytes, payload: bytes) -> None:
        """Queue a frame."""
        self.hold = 0.0
        self.queue += [kind + len(payload).to_bytes(4, "big"), payload]
        self.queued += 5 + len(payload)

    def flush(self) -> None:
        """Write as much as the pipe accepts."""
        while self.queue:
            try:
                written = os.writev(self.out, self.queue[:64])
            except BlockingIOError:
                return
            except OSError:
                raise GoneError from None
            self.queued -= written
            done = 0
            while done < len(self.queue) and written >= len(self.queue[done]):
                written -= len(self.queue[done])
                done += 1
            del self.queue[:done]
            if written:
                self.queue[0] = self.queue[0][written:]

    def receive(self) -> None:
        """Read and process requests."""
        chunk = os.read(self.inp, CHUNK)
        self.request += chunk
        while len(self.request) >= 5:
            end = 5 + int.from_bytes(self.request[1:5], "big")
            if end > REQUEST_LIMIT or self.request[:1] not in (b"R", b"K"):
                raise GoneError
            if len(self.request) < end:
                break
            kind, payload, self.request = self.request[:1], self.request[5:end], self.request[end:]
            if kind == b"R":
                self.start(payload)
                continue
            running = self.shell > 0 and self.status is None
            self.survivors = self.kill_all()
            self.cut = running and self.status in (None, -signal.SIGKILL)
        if not chunk:
            raise GoneError

    def woken(self) -> None:
        """Take note of signals."""
        try:
            numbers = os.read(self.wake, 512)
        except BlockingIOError:
            return
        self.stop = self.stop or signal.SIGTERM in numbers or signal.SIGHUP in numbers

    def wait(self) -> list[int]:
        """Wait until there is something to do. Return the descriptors that are ready."""
        poll = select.poll()
        full = self.queued >= QUEUE_LIMIT
        for fd in (self.inp, self.wake, self.owner_fd, *self.pipes):
            if fd >= 0 and not (full and self.pipes.get(fd)):
                poll.register(fd, select.POLLIN)
        timeout, holding = None, self.hold - time.monotonic()
        if self.queue and holding <= 0:
            poll.register(self.out, select.POLLOUT)
        if self.shell and self.status is not None and not full:
            timeout = max(0, int((self.until - time.monotonic()) * 1000) + 1)
        elif holding > 0 or (self.due and not self.queue):
            timeout = max(int(holding * 1000), 0) + 2
        elif self.owner and self.owner_fd < 0:
            timeout = 1000  # nothing notifies us of the owner's death: poll
        return [fd for fd, _ in poll.poll(timeout)]

    def step(self) -> None:
        """One iteration of the loop."""
        ready = self.wait()
        if self.owner_fd in ready or (self.owner and os.getppid() != self.owner):
            raise GoneError
        for fd in ready:
            if fd in self.pipes:
                self.relay(fd)
        if self.wake in ready:
            self.woken()
        if self.inp in ready:
            self.receive()
        if self.stop:
            raise GoneError
        self.children()
        self.finish()
        if time.monotonic() >= self.hold:
            self.flush()
        if self.due and not ready:
            self.prepare()

    def serve(self) -> None:
        """Process requests until the owner is gone, then kill everything."""
        try:
            while True:
                self.step()
        finally:
            self.kill_all()


if __name__ == "__main__":
    try:
        Supervisor(int(sys.argv[1]) if len(sys.argv) > 1 else 0).serve()
    except GoneError:
        for folder in sys.argv[2:]:  # the owner may have died before it could delete it
            for name in os.listdir(folder):
                os.unlink(os.path.join(folder, name))
            os.rmdir(folder)
