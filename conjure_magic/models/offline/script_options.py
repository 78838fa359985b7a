"""The options that a Python script declares with argparse, read from its source: nothing has to run for that."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from conjure_magic.models.offline.interface import HelpOption

MAX_SOURCE = 200_000
"""Characters of a script that are read."""
MOST_STATEMENTS = 20_000
"""Statements that are followed, those of loops each time."""
_NO_VALUE = frozenset({"store_true", "store_false", "store_const", "append_const", "count", "help", "version"})
_MAIN = ""
"""The options before any subcommand."""


@dataclass(frozen=True)
class Declared:
    """What a script's source tells of its options."""

    options: Mapping[str, tuple[HelpOption, ...]]
    """Options by subcommand; those of the script itself under the empty name."""
    lacking: tuple[str, ...] = ()
    """Modules that declare further options and were not given, as paths beside the script."""
    complete: bool = True
    """False if some options are made in a way that is not understood."""


@dataclass(frozen=True)
class _Parser:
    """A parser, or a group of its options."""

    command: str


@dataclass(frozen=True)
class _Subparsers:
    """What subcommands are added to."""


_Value = _Parser | _Subparsers | str | tuple[object, ...] | None


def read_declared(sources: Mapping[str, str]) -> Declared | None:
    """The options that a script declares; None if it uses no argparse or is no Python.

    Args:
        sources: the script's source under the empty name, and modules beside it under their paths.
    """
    try:
        modules = {path: _Module.of(ast.parse(source[:MAX_SOURCE])) for path, source in sources.items()}
        body = next((body for body in modules[_MAIN].bodies if any(map(_makes_parser, _own_calls(body)))), None)
        if body is None:
            return None
        reader = _Reader(modules)
        reader.walk(body, {}, _MAIN)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    options = {command: tuple(found.values()) for command, found in reader.found.items()}
    return Declared(options, tuple(dict.fromkeys(reader.lacking)), reader.complete)


@dataclass(frozen=True)
class _Module:
    """A module's functions, and where the names come from that it imports."""

    bodies: tuple[Sequence[ast.stmt], ...]
    functions: Mapping[str, ast.FunctionDef]
    imported: Mapping[str, tuple[str, str]]
    """(module, name in it) by the name that is used here."""

    @classmethod
    def of(cls, tree: ast.Module) -> _Module:
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        top = [node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.ClassDef)]
        imported: dict[str, tuple[str, str]] = {}
        for node in ast.walk(tree):
            for alias in node.names if isinstance(node, ast.ImportFrom | ast.Import) else ():
                within = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
                imported[alias.asname or alias.name] = (within, alias.name)
        bodies = (top, *(function.body for function in functions))
        return cls(bodies, {function.name: function for function in functions}, imported)


def _own_calls(body: Sequence[ast.stmt]) -> Iterator[ast.Call]:
    return (node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Call))


def _makes_parser(call: ast.Call) -> bool:
    return _last_name(call.func) in ("ArgumentParser", "Parser")


def _last_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


class _Reader:
    """Follows parsers through statements and function calls."""

    def __init__(self, modules: Mapping[str, _Module]) -> None:
        self.modules = modules
        self.found: dict[str, dict[str, HelpOption]] = {_MAIN: {}}
        self.lacking: list[str] = []
        self.complete = True
        self._depth = 0
        self._left = MOST_STATEMENTS

    def walk(self, body: Sequence[ast.stmt], known: dict[str, _Value], module: str) -> None:
        for statement in body:
            self._left -= 1
            if self._left < 0:
                self.complete = False
                return
            match statement:
                case (
                    ast.Assign(targets=[ast.Name(name)], value=value)
                    | ast.AnnAssign(target=ast.Name(name), value=ast.expr() as value)
                ):
                    known[name] = self._value(value, known, module)
                case ast.Expr(value) | ast.Return(ast.expr() as value):
                    self._value(value, known, module)
                case ast.For(target=target, iter=rows, body=inner):
                    self._loop(target, rows, inner, known, module)
                case ast.If(body=inner, orelse=other) | ast.While(body=inner, orelse=other):
                    self.walk((*inner, *other), known, module)
                case ast.With(body=inner):
                    self.walk(inner, known, module)
                case _:
                    pass

    def _loop(
        self, target: ast.expr, rows: ast.expr, body: Sequence[ast.stmt], known: dict[str, _Value], module: str
    ) -> None:
        """Walk over the body for each row of a literal; a loop over anything else must add no options."""
        try:
            values = list(ast.literal_eval(rows))
        except (ValueError, TypeError):
            if any(_last_name(call.func) == "add_argument" for call in _own_calls(body)):
                self.complete = False
            return
        for value in values[:200]:
            if isinstance(target, ast.Name):
                known[target.id] = value
            elif isinstance(target, ast.Tuple) and isinstance(value, tuple):
                known |= {_last_name(name): part for name, part in zip(target.elts, value, strict=False)}
            self.walk(body, known, module)

    def _value(self, node: ast.expr, known: Mapping[str, _Value], module: str) -> _Value:
        match node:
            case ast.Name(name):
                return known.get(name)
            case ast.Constant(str(text)):
                return text
            case ast.JoinedStr(parts):
                texts = [self._value(part, known, module) for part in parts]
                return "".join(map(str, texts)) if all(isinstance(text, str) for text in texts) else None
            case ast.FormattedValue(value=value):
                return self._value(value, known, module)
            case ast.Call():
                return self._call(node, known, module)
            case _:
                return None

    def _call(self, call: ast.Call, known: Mapping[str, _Value], module: str) -> _Value:
        if _makes_parser(call):
            self.complete = self.complete and not any(word.arg == "parents" for word in call.keywords)
            return _Parser(_MAIN)
        owner = self._value(call.func.value, known, module) if isinstance(call.func, ast.Attribute) else None
        match owner, _last_name(call.func):
            case _Parser(), "add_subparsers":
                return _Subparsers()
            case _Subparsers(), "add_parser":
                command = self._value(call.args[0], known, module) if call.args else None
                self.complete = self.complete and isinstance(command, str)
                self.found.setdefault(str(command), {})
                return _Parser(str(command))
            case _Parser(command), "add_argument":
                self._add(command, call, known, module)
            case _Parser(), "add_argument_group" | "add_mutually_exclusive_group":
                return owner
            case None, _:
                self._follow(call, known, module)
            case _:
                pass
        return None

    def _add(self, command: str, call: ast.Call, known: Mapping[str, _Value], module: str) -> None:
        names = [self._value(argument, known, module) for argument in call.args]
        if not all(isinstance(name, str) for name in names):
            self.complete = False
            return
        flags = [str(name) for name in names if str(name).startswith("-")]
        if not flags:
            return
        given = {word.arg: word.value for word in call.keywords}
        name = max(flags, key=len)
        action = self._value(given["action"], known, module) if "action" in given else None
        valued = action not in _NO_VALUE and _last_name(given.get("action", call)) != "BooleanOptionalAction"
        metavar = self._value(given["metavar"], known, module) if "metavar" in given else None
        shown = str(metavar or name.lstrip("-").upper()) if valued else ""
        about = self._value(given["help"], known, module) if "help" in given else ""
        self.found[command][name] = HelpOption(name, shown, str(about or ""), _choices(given.get("choices")))

    def _follow(self, call: ast.Call, known: Mapping[str, _Value], module: str) -> None:
        """Go into a function that is given a parser."""
        values = [self._value(argument, known, module) for argument in call.args]
        if not any(isinstance(value, _Parser | _Subparsers) for value in values):
            return
        path, name = self._place(call.func, module)
        function = self.modules[path].functions.get(name) if path in self.modules else None
        if path not in self.modules:
            self.lacking.append(path)
        elif function is None or self._depth > 8:
            self.complete = False
        else:
            self._depth += 1
            parameters = [parameter.arg for parameter in function.args.args]
            self.walk(function.body, dict(zip(parameters, values, strict=False)), path)
            self._depth -= 1

    def _place(self, function: ast.expr, module: str) -> tuple[str, str]:
        """The module, as a path beside the script, and the name of a function that is called."""
        name = _last_name(function)
        owner = _last_name(function.value) if isinstance(function, ast.Attribute) else name
        within, imported = self.modules[module].imported.get(owner, ("", ""))
        if not imported:
            return module, name
        full = within if isinstance(function, ast.Name) else f"{within}.{imported}"
        return posixpath.join(*filter(None, full.split("."))) + ".py", name


def _choices(node: ast.expr | None) -> tuple[str, ...]:
    try:
        return tuple(map(str, ast.literal_eval(node))) if node is not None else ()
    except (ValueError, TypeError):
        return ()
