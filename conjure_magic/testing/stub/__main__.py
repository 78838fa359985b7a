"""Serve the stub until standard input ends: `python -m conjure_magic.testing.stub [--port N]`."""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading

from conjure_magic.testing.stub.server import StubServer


def main() -> None:
    """Print the base URL, then serve."""
    parser = argparse.ArgumentParser(prog="python -m conjure_magic.testing.stub", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes any that is free")
    parser.add_argument("--key", default="", help="the only key to accept")
    parser.add_argument("--compatible", action="store_true", help="behave like a small compatible server")
    parser.add_argument("--forget-bodies", action="store_true", help="do not keep what was asked")
    options = parser.parse_args()
    stub = StubServer(
        key=options.key, compatible=options.compatible, keep_bodies=not options.forget_bodies, port=options.port
    )
    ready = threading.Event()

    def wait() -> None:
        ready.wait()
        print(stub.url, flush=True)
        sys.stdin.read()
        stub.close()

    threading.Thread(target=wait, daemon=True).start()
    asyncio.run(stub.serve(ready))


if __name__ == "__main__":
    main()
