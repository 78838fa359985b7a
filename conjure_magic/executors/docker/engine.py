"""Connecting to the engine: which one, whether it answers, and its errors with advice on what to do."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from conjure_magic.errors import ConjureError, ContainerError, DockerUnavailableError

if TYPE_CHECKING:
    from docker import DockerClient

CONNECT_TIMEOUT = 8
"""Seconds for an engine to answer at all."""
CALL_TIMEOUT = 10
"""Seconds for a call that only queries."""
WORK_TIMEOUT = 60
"""Seconds for a call that creates or starts something, which takes long on a busy machine."""
END_TIMEOUT = 5
"""Seconds for a call that inspects or stops a container while the user waits."""
OLDEST = (1, 40)
"""The API of Docker 19.03 (and of Podman 3)."""

INSTALL = "pip install 'conjure-magic[docker]'"
DEFAULT = "unix:///var/run/docker.sock"
_OTHERS = "or use another backend"


def connect(host: str = "") -> DockerClient:
    """A client of the engine: an address, a context's name, or (empty) what the `docker` CLI would use.

    `DOCKER_HOST` (also for Podman's socket) takes precedence over `DOCKER_CONTEXT` and the current context. The caller
    closes the client. Raises DockerUnavailableError, which says what to do, within about 10 seconds.
    """
    try:
        import docker
        from docker.errors import DockerException
    except ImportError:
        raise DockerUnavailableError(f"the docker backend needs a library: {INSTALL}") from None
    options = _address(host)
    where = options.setdefault("base_url", DEFAULT)
    try:
        if where.startswith("unix://"):
            _knock(where.removeprefix("unix://"))
        client = docker.DockerClient(version="auto", timeout=CONNECT_TIMEOUT, **options)
    except (DockerException, OSError, ValueError) as error:  # ValueError: an invalid address
        raise DockerUnavailableError(_why(error, where)) from None
    version = client.api.api_version
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        client.close()
        raise DockerUnavailableError(
            f"the engine at {where} is too old: it supports API {version}, but {OLDEST[0]}.{OLDEST[1]} is needed "
            "(Docker 19.03 or Podman 4, or newer)"
        )
    client.api.timeout = CALL_TIMEOUT
    return client


def _knock(path: str) -> None:
    """Raise OSError if nothing listens on that socket: docker-py would leak its own socket then."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(CONNECT_TIMEOUT)
        probe.connect(path)


def dial(host: str = "") -> socket.socket:
    """A separate connection to the same engine, for streams.

    Raises DockerUnavailableError for an engine behind TLS or SSH, which runs on another machine without access to
    this one's folders; ContainerError if the engine is gone.
    """
    address = _address(host).get("base_url") or DEFAULT
    scheme, _, rest = address.partition("://")
    with telling("connecting to the engine"):
        if scheme == "unix":
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.settimeout(CONNECT_TIMEOUT)
                connection.connect(rest)
            except BaseException:
                connection.close()
                raise
            return connection
        if scheme in ("tcp", "http") and "tls" not in _address(host):
            name, _, port = rest.partition("/")[0].rpartition(":")
            return socket.create_connection((name.strip("[]"), int(port)), CONNECT_TIMEOUT)
    raise DockerUnavailableError(
        f"the engine at {address} runs on another machine and cannot access the folders here: use a local one "
        "(`docker context use default`)"
    )


def _address(host: str) -> dict[str, Any]:
    """Address and TLS of an engine, as docker-py's constructor takes them. Raises DockerUnavailableError."""
    if "://" in host:
        return {**_from_environment(), "base_url": host}
    if not host and os.environ.get("DOCKER_HOST"):
        return _from_environment()
    name = host or os.environ.get("DOCKER_CONTEXT", "") or _current_context()
    if name in ("", "default"):
        return _from_environment()
    return _context(name)


def _from_environment() -> dict[str, Any]:
    """Address and TLS as the CLI's environment variables have them. Raises DockerUnavailableError."""
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    try:
        return dict(kwargs_from_env())
    except DockerException:
        raise DockerUnavailableError(
            "the engine's certificates cannot be read: set DOCKER_CERT_PATH to their folder, or unset "
            "DOCKER_TLS_VERIFY if the engine does not use TLS"
        ) from None


def where(host: str = "") -> str:
    """The address of the engine that `connect` speaks to. Raises DockerUnavailableError for an unknown context."""
    return str(_address(host).get("base_url") or DEFAULT)


def _current_context() -> str:
    from docker.utils.config import load_general_config

    return str(load_general_config().get("currentContext") or "")


def _context(name: str) -> dict[str, Any]:
    from docker.context import ContextAPI
    from docker.errors import DockerException

    try:
        context = ContextAPI.get_context(name)
    except (DockerException, OSError, ValueError, KeyError) as error:
        raise DockerUnavailableError(f"the Docker context {name!r} cannot be read: {error}") from None
    if context is None or not context.Host:
        raise DockerUnavailableError(
            f"there is no Docker context {name!r}: `docker context ls` shows those that exist, "
            "`docker context use default` goes back to this machine's engine"
        )
    return {"base_url": context.Host, **({"tls": context.TLSConfig} if context.TLSConfig else {})}


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and everything it wraps: in its arguments, as its cause, or as what was being handled."""
    pending: list[object] = [error]
    seen: set[int] = set()
    while pending:
        found = pending.pop()
        if isinstance(found, BaseException) and id(found) not in seen:
            seen.add(id(found))
            yield found
            pending += [*found.args, getattr(found, "reason", None), found.__cause__, found.__context__]


def _why(error: BaseException, where: str) -> str:
    """What to do about an engine that did not answer."""
    kinds = tuple(_chain(error))
    if any(isinstance(kind, PermissionError) for kind in kinds):
        return (
            f"you may not use the engine at {where}: join the group docker (sudo usermod -aG docker $USER, "
            f"then log in again), run a rootless engine, {_OTHERS}"
        )
    if any(isinstance(kind, FileNotFoundError | ConnectionRefusedError) for kind in kinds):
        return f"no engine answers at {where}: start Docker (or Podman's service, its socket in DOCKER_HOST), {_OTHERS}"
    if any(isinstance(kind, TimeoutError) or "Timeout" in type(kind).__name__ for kind in kinds):
        return f"the engine at {where} did not answer within {CONNECT_TIMEOUT} s: is it overloaded or stopped?"
    if any(isinstance(kind, ValueError) for kind in kinds):
        return f"{where} is not an engine's address: one begins with unix://, tcp:// or ssh:// ({error})"
    return f"the engine at {where} cannot be used: {error}"


@contextlib.contextmanager
def patience(client: DockerClient, seconds: int) -> Iterator[None]:
    """Calls inside of the block get so long."""
    client.api.timeout = seconds
    try:
        yield
    finally:
        client.api.timeout = CALL_TIMEOUT


def impatient(client: DockerClient) -> contextlib.AbstractContextManager[None]:
    """Calls inside of the block get `END_TIMEOUT` only."""
    return patience(client, END_TIMEOUT)


@contextlib.contextmanager
def telling(doing: str, host: str | None = None) -> Iterator[None]:
    """Turn the engine's errors, or its loss, into a ContainerError that says what was being done.

    If `host` is given, its engine is probed first: docker-py leaks a socket if the engine is gone.
    """
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

    try:
        address = "" if host is None else where(host)
        if address.startswith("unix://"):
            _knock(address.removeprefix("unix://"))
        yield
    except ConjureError:
        raise
    except APIError as error:
        raise ContainerError(_refusal(doing, str(error.explanation or error))) from None
    except (DockerException, RequestException, OSError) as error:
        if any("Timeout" in type(kind).__name__ for kind in _chain(error)):
            raise ContainerError(f"{doing}: the engine did not answer in time; is it overloaded or stopped?") from None
        raise ContainerError(f"{doing}: the engine is gone; start it again before the next command") from None


def _refusal(doing: str, text: str) -> str:
    """What to do about an engine's refusal."""
    if "no space left" in text.lower():
        return f"{doing}: the engine's disk is full ({text}); free some space, for example with `docker system prune`"
    if "bind source path does not exist" in text:
        return (
            f"{doing}: the engine cannot access this machine's folders ({text}); use a local engine "
            "(DOCKER_HOST, `docker context use default`)"
        )
    if "unknown or invalid runtime name" in text.lower() or "unknown runtime" in text.lower():
        return f"{doing}: {text}; `docker info` lists the available runtimes"
    return f"{doing}: {text}"
