"""Remedies in the terms of a notebook: options of a cell, commands and settings."""

from __future__ import annotations

from conjure_magic.remedies import Way


def in_cell(way: Way) -> str:
    """The remedy as it is typed in a notebook."""
    match way.kind:
        case "option":
            return f"--{way.name.replace('_', '-')} {way.value}".rstrip()
        case "setting":
            name = f"ConjureMagics.{way.name}"
            return f"%config {name} = {way.value}" if way.value else name
        case "limit":
            flag = way.name.replace("_", "-")
            return f"--no-{flag}" if way.value == "False" else f"--{flag} {way.value}".rstrip()
        case "build option":
            return f"%conjure docker build --{way.name} {way.value}"
        case "key":
            return "use %conjure key"
        case "reset":
            return "--fresh"
        case "session":
            return "another session (--session NAME)"
        case "build":
            return "%conjure docker build"
        case "hosted skills":
            return "%conjure hosted skills"
        case "undo":
            return "%conjure undo"
        case "retry":
            return "%conjure retry --model NAME"
