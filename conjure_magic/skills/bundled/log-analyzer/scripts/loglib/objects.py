"""JSON objects as flat fields: those of inner objects under dotted names."""

from __future__ import annotations

import json
from collections.abc import Mapping

Fields = Mapping[str, object]
_BOXES = frozenset(
    ["stringValue", "intValue", "doubleValue", "boolValue", "$date", "$numberLong", "$oid", "$numberInt"]
)
_MAX_DEPTH = 6
_MAX_KEYS = 400


def flatten(fields: Fields) -> Fields:
    """The same fields with those of inner objects under dotted names; boxed values are taken out of their box."""
    for value in fields.values():
        if isinstance(value, (dict, list)):
            flat: dict[str, object] = {}
            _flatten(fields, "", flat, 0)
            return flat
    return fields


def _flatten(fields: Fields, prefix: str, flat: dict[str, object], depth: int) -> None:
    for key, value in fields.items():
        name = f"{prefix}{key}"
        if isinstance(value, list) and value and all(isinstance(one, dict) and "key" in one for one in value):
            value = {str(one["key"]): one.get("value") for one in value}
        if isinstance(value, dict) and value and depth < _MAX_DEPTH and len(flat) < _MAX_KEYS:
            box = next(iter(value)) if len(value) == 1 else ""
            if box in _BOXES:
                inner = value[box]
                flat[name] = inner["$numberLong"] if isinstance(inner, dict) and "$numberLong" in inner else inner
            else:
                _flatten(value, f"{name}.", flat, depth + 1)
        else:
            flat[name] = value


def loads(text: str) -> dict[str, object] | None:
    """The fields of a JSON object, flattened; None if it is not one."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    flat = flatten(value)
    return flat if isinstance(flat, dict) else dict(flat)
