"""The image that commands run in: found, pulled or built, with progress messages."""

from __future__ import annotations

import contextlib
import io
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from conjure_magic.cancel import Cancel
from conjure_magic.errors import ConjureError, ContainerError, DockerUnavailableError
from conjure_magic.executors.docker import engine
from conjure_magic.executors.docker.build_context import LABEL, BuildContext, hidden, version
from conjure_magic.executors.docker.limits import DockerLimits
from conjure_magic.remedies import BUILD, Remedy, build_option, option
from conjure_magic.settings import STANDARD_IMAGE

if TYPE_CHECKING:
    from docker import DockerClient

Progress = Callable[[str], object]
"""Receives progress as single lines."""

_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_NOISE = re.compile(r"--->|Removing intermediate container |debconf: ")


def find(client: DockerClient, name: str) -> str | None:
    """The id of a local image; None if the engine does not have it.

    Raises DockerUnavailableError for an invalid image name, ContainerError if the engine is lost.
    """
    from docker.errors import APIError, ImageNotFound

    with engine.telling(f"looking for the image {name}"):
        try:
            return str(client.images.get(name).id)
        except ImageNotFound:
            return None
        except APIError as error:
            if "invalid reference format" in str(error):
                raise DockerUnavailableError(f"{name!r} is not a valid image name, such as python:3.13-slim") from None
            raise


def ensure(client: DockerClient, limits: DockerLimits, progress: Progress, cancel: Cancel) -> str:
    """The id of the image named in the limits. If missing, the standard image is built and any other one pulled.

    Raises DockerUnavailableError, which says what to do, and CancelledError once `cancel` is set.
    """
    name = limits.image
    found = find(client, name)
    if found is not None:
        return found
    if name == STANDARD_IMAGE:
        return build(BuildContext(), progress, cancel, name=name, host=limits.host)
    return pull(name, progress, cancel, host=limits.host)


def pull(name: str, progress: Progress, cancel: Cancel, *, host: str = "") -> str:
    """Pull an image and return its id. Raises as `ensure` does."""
    progress(f"pulling the image {name}")
    with _client(host, cancel) as client, _refused(name):
        for event in _told(client.api.pull(name, stream=True, decode=True), cancel, progress, f"pulling {name}"):
            if "error" in event:
                raise _no_pull(name, str(event["error"]))
        return _made(client, name)


def build(
    build_context: BuildContext,
    progress: Progress,
    cancel: Cancel,
    *,
    name: str = STANDARD_IMAGE,
    host: str = "",
    fresh: bool = False,
) -> str:
    """Build the standard image under a name and return its id. Raises as `ensure` does.

    Args:
        build_context: what it is built from.
        progress: receives each step and the output of its commands.
        cancel: stops the build.
        name: the name of the image.
        host: the engine, as in DockerLimits.
        fresh: run every step again, without the build cache.
    """
    progress(f"building the image {name}: this takes a few minutes, once")
    with _client(host, cancel) as client, _refused(name):
        stream = client.api.build(
            fileobj=io.BytesIO(build_context.context()),
            custom_context=True,
            tag=name,
            buildargs=build_context.arguments,
            labels={LABEL: version()},
            rm=True,
            forcerm=True,
            nocache=fresh,
            decode=True,
        )
        log = _Log(progress)
        for event in _told(stream, cancel, progress, f"pulling {build_context.base or 'its base image'}"):
            log.add(hidden(str(event.get("stream", ""))))
            if "error" in event:
                raise _no_build(name, log, hidden(str(event["error"])))
        return _made(client, name)


class _Log:
    """A build's output as lines of progress; the last lines are kept for the error message."""

    def __init__(self, progress: Progress) -> None:
        self.step = ""
        self.lines = deque[str](maxlen=40)
        self._progress = progress

    def add(self, text: str) -> None:
        for line in map(str.strip, re.split(r"[\r\n]+", _ESCAPES.sub("", text))):
            found = re.match(r"Step (\d+)/(\d+) : (.*)", line)
            if found:
                self.step = f"step {found[1]} of {found[2]}"
                self._progress(shorten(f"{self.step}: {found[3]}", 120, placeholder=" …"))
            elif line and not _NOISE.match(line):
                self.lines.append(line)
                self._progress(line)


def _made(client: DockerClient, name: str) -> str:
    found = find(client, name)
    if found is None:
        raise DockerUnavailableError(f"the engine reported success but does not have {name}; try again")
    return found


@contextlib.contextmanager
def _client(host: str, cancel: Cancel) -> Iterator[DockerClient]:
    """A client for one long call: the answer may pause for minutes, and is aborted once `cancel` is set."""
    answers: list[Any] = []

    def keep(answer: Any, *_: object, **__: object) -> None:
        answers.append(answer)
        if cancel.is_set:
            cut()

    def cut() -> None:
        for answer in answers:
            answer.raw.shutdown()

    with contextlib.closing(engine.connect(host)) as client:
        client.api.timeout = None  # type: ignore[assignment]  # docker-py passes it on to requests, where it means no timeout
        client.api.hooks["response"].append(keep)
        try:
            with cancel.waking(cut):
                yield client
        except ConjureError:
            raise
        except Exception:
            cancel.raise_if_set()  # aborted on purpose
            raise
        finally:
            for answer in answers:
                answer.close()


@contextlib.contextmanager
def _refused(name: str) -> Iterator[None]:
    """Translate the engine's errors while it creates an image into advice for the user."""
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except APIError as error:
        raise _no_pull(name, str(error.explanation or error)) from None
    except (DockerException, RequestException, OSError) as error:
        raise ContainerError(f"creating the image {name}: the engine is gone ({type(error).__name__})") from None


def _told(stream: Iterable[Any], cancel: Cancel, progress: Progress, pulling: str) -> Iterator[dict[str, Any]]:
    """Yield the events as they arrive; the download of layers becomes one line of progress."""
    sizes: dict[str, tuple[int, int]] = {}
    said = ""
    for event in stream:
        cancel.raise_if_set()
        detail = event.get("progressDetail") or {}
        if event.get("status") == "Downloading" and detail.get("total"):
            sizes[str(event.get("id"))] = (int(detail.get("current", 0)), int(detail["total"]))
            done, total = (sum(column) / 1e6 for column in zip(*sizes.values(), strict=True))
            line = f"{pulling}: {done:.0f} of {total:.0f} MB"
            if line != said:
                said = line
                progress(line)
        yield event
    cancel.raise_if_set()


def _no_pull(name: str, said: str) -> DockerUnavailableError:
    """What to do about an image that the engine does not have and cannot pull."""
    low = said.lower()
    if "no space left" in low:
        return DockerUnavailableError(
            f"no space for the image {name}: the engine's disk is full; `docker system prune` frees space"
        )
    if "no matching manifest" in low or "no match for platform" in low:
        return DockerUnavailableError(f"there is no image {name} for this kind of machine ({said})")
    if any(word in low for word in ("not found", "denied", "manifest unknown", "unauthorized", "no such image")):
        return DockerUnavailableError(
            f"the image {name} was found neither on the engine nor in the registry ({said}). Is the name right? "
            "For a private registry, use `docker login`.",
            remedy=Remedy("{0} builds the standard image.", BUILD),
        )
    return DockerUnavailableError(
        f"the engine does not have the image {name} and cannot pull it ({said})",
        remedy=Remedy(
            "Choose one that it has with {0}, load one with `docker load`, or build the standard image from a local "
            "one: {1}.",
            option("image", "NAME"),
            build_option("base", "IMAGE"),
        ),
    )


def _no_build(name: str, log: _Log, said: str) -> DockerUnavailableError:
    """What to do about a build that failed."""
    if "returned a non-zero code" not in said:
        if log.step.startswith("step 2 "):
            return _no_pull(f"{name}'s base", said)
        return DockerUnavailableError(f"building {name}: {said}")
    errors = [line for line in log.lines if re.match(r"(ERROR|E|error|fatal)\b", line)]
    reason = (errors or list(log.lines) or [said])[-1]
    told = f"building the image {name} failed in {log.step}: {reason}"
    return DockerUnavailableError(told, remedy=_remedy(" ".join(log.lines)))


def _remedy(output: str) -> Remedy | None:
    if re.search(r"CERTIFICATE_VERIFY_FAILED|SSLError|certificate verify failed", output, re.IGNORECASE):
        return Remedy("Behind a private authority, {0} trusts it.", build_option("ca", "FILE"))
    if re.search(r"NewConnectionError|name resolution|Could not resolve|timed out|No matching", output, re.IGNORECASE):
        return Remedy(
            "Where the packages cannot be reached, {0} names another index for pip, and {1} a mirror of Debian's.",
            build_option("index", "URL"),
            build_option("apt", "URL"),
        )
    return None
