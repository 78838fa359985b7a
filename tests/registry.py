"""An image registry on loopback that serves one small image: enough of the protocol for an engine to pull it."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
NAME = "conjure-test/pulled"
PIECE = 1 << 18


class Registry(ThreadingHTTPServer):
    """Serves `image`; where `hold` is set, a layer comes to a halt in its middle until `go` is called."""

    daemon_threads = True

    def __init__(self, hold: bool = False, arch: str = "amd64") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.halted = threading.Event()
        self._gate = threading.Event()
        if not hold:
            self._gate.set()
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            file = tarfile.TarInfo("random")
            file.size = 8 * PIECE
            tar.addfile(file, io.BytesIO(os.urandom(file.size)))
        packed = gzip.compress(layer.getvalue(), 1)
        root = {"type": "layers", "diff_ids": [_digest(layer.getvalue())]}
        config = json.dumps({"architecture": arch, "os": "linux", "config": {}, "rootfs": root}).encode()
        self.blobs = {_digest(packed): packed, _digest(config): config}
        self.manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": _entry("application/vnd.docker.container.image.v1+json", config),
                "layers": [_entry("application/vnd.docker.image.rootfs.diff.tar.gzip", packed)],
            }
        ).encode()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def image(self) -> str:
        """The name to pull it by."""
        return f"{self.address}/{NAME}:1"

    def go(self) -> None:
        """Let what was halted go on."""
        self._gate.set()

    def wait(self) -> None:
        """Halt here, if so wanted."""
        self.halted.set()
        self._gate.wait(60)


@contextlib.contextmanager
def registry(hold: bool = False) -> Iterator[Registry]:
    """Serve in the background."""
    with Registry(hold) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.go()
            server.shutdown()
            thread.join()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _entry(kind: str, content: bytes) -> dict[str, object]:
    return {"mediaType": kind, "size": len(content), "digest": _digest(content)}


class _Handler(BaseHTTPRequestHandler):
    server: Registry
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # the name that http.server looks for
        found = self._found()
        if found is None:
            body = json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}).encode()
            return self._send(404, "application/json", body)
        return self._send(200, *found)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _found(self) -> tuple[str, bytes] | None:
        if self.path == "/v2/":
            return "application/json", b"{}"
        kind, _, reference = self.path.removeprefix(f"/v2/{NAME}/").partition("/")
        if kind == "manifests" and reference in ("1", _digest(self.server.manifest)):
            return MANIFEST, self.server.manifest
        if kind == "blobs" and reference in self.server.blobs:
            return "application/octet-stream", self.server.blobs[reference]
        return None

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", _digest(body))
        self.end_headers()
        if self.command == "HEAD":
            return
        with contextlib.suppress(OSError):  # the engine may go away in the midst
            for start in range(0, len(body), PIECE):
                if start == 4 * PIECE:
                    self.server.wait()
                self.wfile.write(body[start : start + PIECE])

    def log_message(self, *_: object) -> None:
        """Say nothing."""
