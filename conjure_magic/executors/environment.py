"""The environment of a command on the person's machine: an allow-list, and never a name that looks secret.

A proxy's address may hold a password that the command needs; it is passed on, and masked wherever a command
prints it (`conjure_magic.secrets`).
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
"""Names, and patterns with `*`, that a command gets where the kernel has them."""


def check_names(names: Iterable[str]) -> None:
    """Raise UsageError if a name that a person allows looks secret: no key goes to what a model runs."""
    for name in names:
        if looks_secret(name):
            raise UsageError(
                f"{name} cannot be given to commands: its name looks like a key or a token, and what a model "
                "runs gets none. Let the command read it from a file."
            )


def command_environ(
    source: Mapping[str, str], *, allowed: Iterable[str] = (), output_dir: str, input_dir: str | None, bin_dir: str
) -> dict[str, str]:
    """The environment for commands.

    Args:
        source: the kernel's own environment.
        allowed: further names, or patterns with `*`, to pass on; see `check_names`.
        output_dir, input_dir: what `$OUTPUT_DIR` and `$INPUT_DIR` hold.
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
        image: what its image sets.
        source: the kernel's own environment, of which only `allowed` names, or patterns with `*`, are passed on.
        output_dir, input_dir: what `$OUTPUT_DIR` and `$INPUT_DIR` hold.
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
    """With what every command gets, wherever it runs."""
    if not any(name == "LANG" or name.startswith("LC_") for name in env):
        env["LC_CTYPE"] = "C.UTF-8"  # all of C.UTF-8 in which it differs from C: every program loads what is named here
    env["TERM"] = "dumb"
    env["PYTHONUNBUFFERED"] = "1"  # what a script prints is seen while it runs, and in order with its errors
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
