"""Try to break out of the container in several ways, and report the result of each attempt.

A demonstration for notebooks/docker-sandbox.ipynb. Exit code 0: all attempts were stopped; 1: one succeeded;
2: this is not a container of the Docker backend, so nothing was tried.
"""

import argparse
import contextlib
import csv
import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

WORKSPACE, SKILL = Path("/workspace"), Path(__file__).resolve().parent.parent
NOWHERE = "192.0.2.1"  # an address that RFC 5737 reserves for examples: it never answers
MEMORY = "kept = []\nfor _ in range(64): kept.append(b'x' * (64 << 20))"  # 4 GB


class HeldError(Exception):
    """The reason why an attempt was stopped."""


def refused(attempt, *arguments):
    """Call the attempt; if the system refuses it, report that it was stopped."""
    try:
        return attempt(*arguments)
    except OSError as error:
        raise HeldError(error.strerror or str(error)) from None


def read_host_file(secret):
    """read a file of the host by its path"""
    return refused(Path(secret).read_text)


def read_through_proc(secret):
    """read it through another process's root"""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            return (process / "root" / secret.lstrip("/")).read_text()
    raise HeldError("no process in sight has it")


def plant_link(secret):
    """read it through a link planted in the workspace"""
    link = WORKSPACE / "innocent.txt"
    refused(link.symlink_to, secret)
    try:
        return refused(link.read_text)
    finally:
        link.unlink()


def list_host_processes(_):
    """see the host's processes"""
    seen = [path for path in Path("/proc").glob("[0-9]*") if "jupyter" in path.joinpath("cmdline").read_text()]
    if not seen:
        raise HeldError("none but those in here")
    return f"{len(seen)} of them"


def read_secrets(_):
    """find keys and tokens in the environment"""
    names = [name for name in os.environ if any(word in name.upper() for word in ("KEY", "TOKEN", "SECRET"))]
    if not names:
        raise HeldError("none of the kernel's is here")
    return ", ".join(names)


def change_system(_):
    """change the system's files"""
    return refused(Path("/usr/local/bin/surprise").write_text, "")


def change_input(_):
    """change a file next to the notebook"""
    return refused(Path(os.environ.get("INPUT_DIR", "/input"), "surprise.txt").write_text, "")


def change_skill(_):
    """change the instructions of this skill"""
    return refused((SKILL / "SKILL.md").open, "a")


def reach_network(_):
    """open a connection to the outside"""
    return refused(socket.create_connection, (NOWHERE, 80), 3)


def look_up_name(_):
    """look a name up, which can carry data out"""
    return refused(socket.getaddrinfo, "secret.example.invalid", 80)


def reach_engine(_):
    """speak to the Docker engine"""
    for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/podman/podman.sock"):
        if os.path.exists(path):
            return path
    raise HeldError("its socket is not here")


def become_root(_):
    """become root"""
    refused(os.setuid, 0)
    return f"user {os.getuid()}"


def use_capabilities(_):
    """mount a file system"""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None):
        raise HeldError(os.strerror(ctypes.get_errno()))
    return "mounted"


def fork_bomb(_):
    """start processes without end"""
    children = []
    try:
        while len(children) < 5000:
            child = os.fork()
            if not child:
                signal.pause()
            children.append(child)
        return f"{len(children)} processes"
    except OSError as error:
        raise HeldError(f"stopped after {len(children)}: {error.strerror}") from None
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def eat_memory(_):
    """take four gigabytes of memory"""
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True)
    if done.returncode:
        raise HeldError("that process alone was ended")
    return "4 GB"


def fill_disk(_):
    """write one endless file"""
    path = WORKSPACE / "huge"
    try:
        with path.open("wb") as file:
            file.truncate(1 << 40)
        return "a file of 1 TB"
    except OSError as error:
        raise HeldError(f"{errno.errorcode[error.errno]}: {error.strerror}") from None
    finally:
        path.unlink(missing_ok=True)


ATTEMPTS = (
    *(read_host_file, read_through_proc, plant_link, list_host_processes, read_secrets),
    *(change_system, change_input, change_skill, reach_network, look_up_name, reach_engine),
    *(become_root, use_capabilities, fork_bomb, eat_memory, fill_disk),
)


def main():
    """Make all attempts; the exit code is 1 if any succeeded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("secret", metavar="FILE", help="a file of the host's that nothing in here may read")
    parser.add_argument("--csv", metavar="FILE", help="write the attempts as a table")
    options = parser.parse_args()
    if not Path("/.dockerenv").exists() or Path.cwd() != WORKSPACE:
        print("error: this is not a container of the Docker backend, so nothing was tried", file=sys.stderr)
        return 2
    rows, through = [], 0
    for attempt in ATTEMPTS:
        try:
            got = attempt(options.secret)
            row = (attempt.__doc__, "GOT THROUGH", str(got)[:80])
            through += 1
        except HeldError as held:
            row = (attempt.__doc__, "held", str(held))
        rows.append(row)
    if options.csv:
        with open(options.csv, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("attempt", "result", "how"), *rows])
    print(f"**{len(rows) - through} of {len(rows)} attempts were held**\n\n| Attempt | Result | How |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in row) + " |")
    return 1 if through else 0


if __name__ == "__main__":
    sys.exit(main())
