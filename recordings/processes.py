"""The real processes of a recording: nginx, the shop and its worker, on loopback and in one folder."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
READY_WITHIN_S = 20.0
STOPPED_WITHIN_S = 20.0

NGINX_CONF = """\
daemon off;
master_process off;
pid nginx.pid;
error_log error.log warn;
events {{ worker_connections 512; }}
http {{
    log_format shop '$remote_addr - - [$time_local] "$request" $status $body_bytes_sent '
                    '"-" "$http_user_agent" rt=$request_time id=$http_x_request_id';
    access_log access.log shop;
    limit_req_zone $binary_remote_addr zone=per_client:1m rate=5r/s;
    limit_req_status 429;
    client_max_body_size 16k;
    client_body_buffer_size 16k;
    client_body_temp_path temp_body;
    proxy_temp_path temp_proxy;
    fastcgi_temp_path temp_fastcgi;
    uwsgi_temp_path temp_uwsgi;
    scgi_temp_path temp_scgi;
    server {{
        listen 127.0.0.1:{nginx_port};
        server_name shop.example;
        limit_req zone=per_client burst=6 nodelay;
        location /admin {{ deny all; }}
        location / {{
            proxy_pass http://127.0.0.1:{shop_port};
            proxy_set_header X-Request-ID $http_x_request_id;
            proxy_connect_timeout 1s;
            proxy_read_timeout 3s;
        }}
    }}
}}
"""


class RecordingError(Exception):
    """A process of the recording did not start or stop as expected."""


@dataclass(frozen=True)
class Ports:
    """Where nginx and the shop listen on 127.0.0.1."""

    nginx: int
    shop: int


def find_nginx() -> str | None:
    """The nginx program, even if `sbin` is not on PATH; None if it is not installed."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def free_ports() -> Ports:
    """Two unused ports."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return Ports(first.getsockname()[1], second.getsockname()[1])


@contextmanager
def nginx(folder: Path, ports: Ports) -> Iterator[None]:
    """Runs nginx as a proxy of the shop inside the block.

    Raises:
        RecordingError: nginx is not installed or did not start.
    """
    program = find_nginx()
    if program is None:
        raise RecordingError("nginx is not installed (Debian: apt-get install nginx-light)")
    conf = NGINX_CONF.format(nginx_port=ports.nginx, shop_port=ports.shop)
    (folder / "nginx.conf").write_text(conf, encoding="utf-8")
    command = [program, "-p", f"{folder}/", "-c", "nginx.conf", "-e", "error.log"]
    with subprocess.Popen(command, env={"TZ": "UTC"}) as process:
        try:
            _wait_for(ports.nginx, process)
            yield
        finally:
            process.terminate()
            process.wait(STOPPED_WITHIN_S)


class Program:
    """One of our modules as a process, which reads commands from its input and stops when that is closed."""

    def __init__(self, module: str, *arguments: str, port: int | None = None) -> None:
        command = [sys.executable, "-m", module, *arguments]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # only the recorder handles Ctrl-C
        )
        if port is not None:
            try:
                _wait_for(port, self._process)
            except RecordingError:
                self._process.kill()
                raise

    def command(self, line: str) -> None:
        """Sends the program a line."""
        if self._process.stdin is None:
            raise RecordingError("the program has no input")
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def stop(self) -> str:
        """Stops the program and returns its last output."""
        try:
            output, _ = self._process.communicate(timeout=STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        if self._process.returncode:
            raise RecordingError(f"a program ended with exit code {self._process.returncode}")
        return output

    def kill(self) -> None:
        """Makes sure that the program has ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def _wait_for(port: int, process: "subprocess.Popen[str] | subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RecordingError(f"nothing listens on port {port}, though it should")
