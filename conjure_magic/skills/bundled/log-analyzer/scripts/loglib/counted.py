"""Counts in messages: a number with its noun in the singular or the plural."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """ "1 line", "2 lines", "1,200 lines"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
