"""A scripted turn: what the tests of the loop run."""

from __future__ import annotations

from typing import Any

from fakes import ScriptedBackend, ScriptedModel
from standard import turn_limits

from conjure_magic.events import Event, TurnResult
from conjure_magic.turn import Turn, TurnSetup
from conjure_magic.workspace import Workspace


class Scene:
    """A turn with scripted parts, and everything that came of it."""

    def __init__(self, workspace: Workspace, model: ScriptedModel, *backends: ScriptedBackend, **setup: Any) -> None:
        prompt = setup.pop("prompt", "do it")
        self.pushed: list[Event] = []
        self.model, self.backends = model, backends or (ScriptedBackend(),)
        options: dict[str, Any] = {
            "session": "main",
            "number": 1,
            "parent_id": "",
            "system": "Be brief.",
            "backends": self.backends,
            "model": model,
            "workspace": workspace,
            "messages": (),
            "fingerprint": b"",
            "approver": None,
            "subscribers": [self.pushed.append],
            "limits": turn_limits(),
        }
        self.turn = Turn(TurnSetup(**(options | setup)), prompt)

    def run(self) -> TurnResult:
        self.yielded = list(self.turn.stream())
        return self.result

    @property
    def result(self) -> TurnResult:
        assert self.turn.result is not None
        return self.turn.result

    def bodies(self, *kinds: type) -> list[Any]:
        return [event.body for event in self.pushed if isinstance(event.body, kinds)]
