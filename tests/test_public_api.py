"""The names that the package promises."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import conjure_magic
from conjure_magic import errors


def test_the_exported_names_are_sorted_and_there() -> None:
    assert conjure_magic.__all__ == sorted(conjure_magic.__all__)
    for name in conjure_magic.__all__:
        value = getattr(conjure_magic, name)
        assert value.__doc__ or name == "Approver", f"{name} has no docstring"  # a type alias cannot have one


def test_what_editors_and_type_checkers_see_is_what_there_is() -> None:
    """The imports for them, the table for the running program, and `__all__` name the same."""
    tree = ast.parse(Path(conjure_magic.__file__).read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: str(node.module).removeprefix("conjure_magic.")
        for node in guarded.body
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("conjure_magic.")
        for alias in node.names
    }
    assert seen == conjure_magic._HOMES
    assert {*seen, "load_ipython_extension", "unload_ipython_extension"} == {*conjure_magic.__all__}
    assert set(conjure_magic.__all__) <= set(dir(conjure_magic))
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = conjure_magic.nothing_like_it


def test_every_error_is_drawn_in_the_tree() -> None:
    drawn = errors.__doc__ or ""
    for name, error in inspect.getmembers(errors, inspect.isclass):
        if issubclass(error, errors.ConjureError):
            assert f" {name} " in drawn, f"{name} is missing from the docstring of errors.py"
            parent = error.__mro__[1].__name__
            assert parent in ("Exception", *[n for n, _ in inspect.getmembers(errors, inspect.isclass)])
