"""The duration of a minimal call on each backend: of the first call, and the median of later ones.

The calls are a function that returns at once, the shell's `true` on this machine, and `true` in a container, if a
Docker engine and the image are available. The hosted backend runs at Anthropic and is not measured.
"""

from __future__ import annotations

import os
import tempfile
from statistics import median
from typing import Any

from conjure_magic import Session, skill
from conjure_magic.api.credentials import Credentials, Key
from conjure_magic.approval import approve_all
from conjure_magic.errors import BackendError
from conjure_magic.models.messages_api import MessagesModel
from conjure_magic.settings import Settings
from conjure_magic.testing.stub import Reply, StubProcess

CALLS = 50
MODEL = "claude-opus-5-5"
IMAGE = os.environ.get("CONJURE_TEST_IMAGE", "conjure-test:base")


@skill
def nothing() -> str:
    """Do nothing."""
    return "done"


COMMAND = ("bash_tool", {"command": "true"})
WAYS: dict[str, tuple[str, dict[str, str]]] = {"native": ("nothing", {}), "local": COMMAND, "docker": COMMAND}


def main() -> None:
    """Print the table."""
    with StubProcess("--forget-bodies") as stub, tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        base = 0.0
        print(f"{'backend':10} {'first ms':>10} {'then ms':>9} {'ratio':>7}")
        for name, call in WAYS.items():
            try:
                taken = seconds(stub, name, call)
            except BackendError as error:
                print(f"{name:10} {str(error).splitlines()[0]}")
                continue
            if not taken:
                continue
            then = median(taken[1:])
            base = base or then
            print(f"{name:10} {taken[0] * 1000:10.1f} {then * 1000:9.2f} {then / base:7.1f}")
        os.chdir("/")


def seconds(stub: StubProcess, name: str, call: tuple[str, dict[str, str]]) -> list[float]:
    """The duration of each call, as measured by the turn."""
    tool, given = call
    stub.reset()
    stub.reply(*[Reply(({"type": "tool_use", "name": tool, "input": given},)) for _ in range(CALLS)], "Done.")
    model = MessagesModel(MODEL, Credentials(stub.url, "x-api-key", Key("sk-none"), "anthropic"))
    options: dict[str, Any] = {"skills": [nothing]} if name == "native" else {}
    settings = Settings(docker_image=IMAGE, max_rounds=CALLS + 1)
    with Session(name, model=model, approver=approve_all, settings=settings, **options) as session:
        result = session.chat("Go on.")
    failed = next((called.result for called in result.tool_calls if called.is_error), None)
    if failed is not None:
        print(f"{name:10} {failed.text.splitlines()[0]}")
        return []
    return [called.seconds for called in result.tool_calls]


if __name__ == "__main__":
    main()
