"""The models that the stub has, and what each of them takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

LINES = ("haiku", "sonnet", "opus", "fable")
EFFORTS = ("low", "medium", "high", "xhigh", "max")
THINKING_TYPES = ("adaptive", "between_tools", "disabled", "enabled")
PAGE = 20
"""Models on one page, unless the request says otherwise."""


@dataclass(frozen=True, slots=True)
class StubModel:
    """A model's limits and manners."""

    id: str
    window: int = 1_000_000
    output: int = 128_000
    thinking: tuple[str, ...] = ("adaptive",)
    """Types of `thinking` that it takes, of `THINKING_TYPES`."""
    forced_tools: bool = False
    """Whether `tool_choice` may be any or tool."""
    cache_minimum: int = 512
    runs_code: bool = True
    """Whether it takes the code execution tool."""

    def to_dict(self) -> dict[str, Any]:
        """The model as `GET /v1/models` shows it."""
        return {
            "type": "model",
            "id": self.id,
            "display_name": self.id,
            "created_at": "2026-01-01T00:00:00Z",
            "lifecycle": "active",
            "deprecated_at": None,
            "retires_at": None,
            "line": next((line for line in LINES if f"-{line}-" in self.id), None),
            "max_input_tokens": self.window,
            "max_tokens": self.output,
            "capabilities": self._capabilities(),
        }

    def _capabilities(self) -> dict[str, Any]:
        """What it can do: every key is always there, and `supported` says whether it is so."""
        capabilities: dict[str, Any] = {
            name: _supported(name != "code_execution" or self.runs_code)
            for name in ("batch", "citations", "code_execution", "image_input", "pdf_input", "structured_outputs")
        }
        strategies = ("clear_thinking_20251015", "clear_tool_uses_20250919", "compact_20260112")
        tools = {"code_execution": _supported(self.runs_code), "web_search": _supported(True)}
        return {
            **capabilities,
            "context_management": {**_supported(True), **{name: _supported(True) for name in strategies}},
            "effort": {**_supported(True), **{level: _supported(True) for level in EFFORTS}},
            "server_tools": {**_supported(True), **tools},
            "thinking": {
                **_supported(bool(set(self.thinking) - {"disabled"})),
                "types": {kind: _supported(kind in self.thinking) for kind in THINKING_TYPES},
            },
        }


def _supported(value: bool) -> dict[str, Any]:
    return {"supported": value}


MODELS = {
    model.id: model
    for model in (
        StubModel("claude-fable-5-2"),
        StubModel("claude-opus-5-5"),
        StubModel("claude-sonnet-5-5"),
        StubModel("claude-haiku-5-5", forced_tools=True),
        StubModel("claude-haiku-4-5", 200_000, 64_000, ("enabled", "disabled"), True, 4096),
        StubModel("claude-tiny-stub", 4_000, 1_000),
        StubModel("claude-plain-stub", runs_code=False),
        StubModel("claude-unthinking-stub", thinking=("disabled",)),
    )
}


def page(models: Sequence[StubModel], query: str) -> dict[str, Any]:
    """One page of `GET /v1/models`; the query may hold `limit` and `after_id`."""
    fields = dict(parse_qsl(query))
    ids = [model.id for model in models]
    start = ids.index(fields["after_id"]) + 1 if fields.get("after_id") in ids else 0
    shown = models[start : start + int(fields.get("limit", PAGE))]
    return {
        "data": [model.to_dict() for model in shown],
        "has_more": start + len(shown) < len(models),
        "first_id": shown[0].id if shown else None,
        "last_id": shown[-1].id if shown else None,
    }
