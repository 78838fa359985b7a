"""The names that the package promises."""

from __future__ import annotations

import inspect

import conjure_magic
from conjure_magic import errors


def test_the_exported_names_are_sorted_and_there() -> None:
    assert conjure_magic.__all__ == sorted(conjure_magic.__all__)
    for name in conjure_magic.__all__:
        assert getattr(conjure_magic, name).__doc__, f"{name} has no docstring"


def test_every_error_is_drawn_in_the_tree() -> None:
    drawn = errors.__doc__ or ""
    for name, error in inspect.getmembers(errors, inspect.isclass):
        if issubclass(error, errors.ConjureError):
            assert f" {name} " in drawn, f"{name} is missing from the docstring of errors.py"
            parent = error.__mro__[1].__name__
            assert parent in ("Exception", *[n for n, _ in inspect.getmembers(errors, inspect.isclass)])
