"""The environment of commands on the user's machine: an allow-list, without names that look secret.

A proxy's address may contain a password that commands need; it is passed on, and masked wherever a command prints
it (`conjure_magic.secrets`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from conjure_magic.errors import UsageError
from conjure_magic.secrets import PROXIES, looks_secret

ALLOWED = (
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG", "LANGUAGE", "LC_*"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *PROXIES,
    *(name.upper() for name in PROXIES),
)
"""Names, and patterns with `*`, of the kernel's variables that are passed to commands."""


def check_names(names: Iterable[str]) -> None:
    """Raise UsageError if an allowed name looks secret: keys are not passed to commands of a model."""
    for name in names:
        if looks_secret(name):
            raise UsageError(
                f"{name} cannot be passed to commands: its name looks like a key or a token, and those are never "
                "passed to commands that a model runs. Let the command read it from a file instead."
            )


def command_environ(
    source: Mapping[str, str], *, allowed: Iterable[str] = (), output_dir: str, input_dir: str | None, bin_dir: str
) -> dict[str, str]:
    """The environment for commands.

    Args:
        source: the kernel's own environment.
        allowed: further names, or patterns with `*`, to pass on; see `check_names`.
        output_dir, input_dir: the values of `$OUTPUT_DIR` and `$INPUT_DIR`.
        bin_dir: the folder in which `python` is the kernel's interpreter, first in PATH.
    """
    env = passed_on(source, (*ALLOWED, *allowed))
    env["PATH"] = os.pathsep.join([bin_dir, *_path(env.get("PATH", os.defpath))])
    return _completed(env, output_dir, input_dir)


def container_environ(
    image: Mapping[str, str],
    source: Mapping[str, str],
    *,
    allowed: Iterable[str],
    output_dir: str,
    input_dir: str | None,
    path: str,
) -> dict[str, str]:
    """The environment for commands in a container.

    Args:
        image: the variables set by its image.
        source: the kernel's own environment, of which only `allowed` names, or patterns with `*`, are passed on.
        output_dir, input_dir: the values of `$OUTPUT_DIR` and `$INPUT_DIR`.
        path: the value of PATH.
    """
    own = {"HOME": "/tmp", "USER": "conjure", "LOGNAME": "conjure"}  # noqa: S108 - the container's own
    env = {**own, **passed_on(image, ["*"]), **passed_on(source, allowed), "PATH": path}
    return _completed(env, output_dir, input_dir)


def passed_on(source: Mapping[str, str], patterns: Iterable[str]) -> dict[str, str]:
    """The variables whose names match and do not look secret."""
    patterns = tuple(patterns)
    return {
        name: value
        for name, value in (source.items() if patterns else ())
        if any(fnmatchcase(name, pattern) for pattern in patterns) and not looks_secret(name)
    }


def _completed(env: dict[str, str], output_dir: str, input_dir: str | None) -> dict[str, str]:
    """The environment with the variables that every command gets, wherever it runs."""
    if not any(name == "LANG" or name.startswith("LC_") for name in env):
        env["LC_CTYPE"] = "C.UTF-8"  # all of C.UTF-8 in which it differs from C: every program loads what is named here
    env["TERM"] = "dumb"
    env["PYTHONUNBUFFERED"] = "1"  # output appears while a script runs, and in order with its errors
    env["PYTHONDONTWRITEBYTECODE"] = "1"  # what commands leave in the user's folders is only what they mean to
    env["OUTPUT_DIR"] = output_dir
    if input_dir is not None:
        env["INPUT_DIR"] = input_dir
    return {name: value for name, value in env.items() if "\0" not in value}


def _path(path: str) -> Iterator[str]:
    """PATH with the interpreter's own folder, where its `pip` and its scripts are, before it if it is not there."""
    own = str(Path(sys.executable).parent)
    folders = [folder for folder in path.split(os.pathsep) if folder]
    if sys.prefix != sys.base_prefix or own not in folders:
        yield own
    yield from folders
