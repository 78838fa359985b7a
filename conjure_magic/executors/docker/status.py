"""Status of the engine, the image and our containers. Something missing is reported, never raised."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from conjure_magic.errors import BackendError, BackendUnavailableError
from conjure_magic.executors.docker import cleanup, engine, image
from conjure_magic.executors.docker.build_context import LABEL, version
from conjure_magic.executors.docker.limits import DockerLimits

if TYPE_CHECKING:
    from docker import DockerClient


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """An image that the engine has."""

    id: str
    size: int
    """Bytes."""
    created: str
    """The day, as YYYY-MM-DD; empty if the image does not say."""
    recipe: str
    """The `version` of the recipe that it was built from; empty for an image of another origin."""


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the engine, as far as relevant here."""

    address: str = ""
    engine: Mapping[str, Any] | None = None
    """The engine's description of itself; None if it cannot be used."""
    problem: str = ""
    """Why it cannot be used, or what is wrong with the image's name, and what to do."""
    image: ImageFacts | None = None
    containers: tuple[cleanup.Found, ...] = ()

    @property
    def has_old_image(self) -> bool:
        """True if the image is a standard one, built from the recipe of another version of this package."""
        return self.image is not None and self.image.recipe not in ("", version())


def look(limits: DockerLimits) -> Status:
    """The status of the engine named in the limits."""
    try:
        with contextlib.closing(engine.connect(limits.host)) as client:
            address = engine.where(limits.host)
            with engine.telling("asking the engine"):
                facts = client.info()
            containers = tuple(_named(client, cleanup.containers(client)))
            try:
                return Status(address, facts, "", _image(client, limits.image), containers)
            except BackendUnavailableError as error:
                return Status(address, facts, str(error), None, containers)
    except BackendError as error:
        return Status(problem=str(error))


def _named(client: DockerClient, containers: Iterable[cleanup.Found]) -> Iterator[cleanup.Found]:
    """The containers, each with its image's name instead of the image's id."""
    with engine.telling("listing the images"):
        names = {row["Id"]: tag for row in client.api.images() for tag in row["RepoTags"] or ()}
    for found in containers:
        short = found.image.removeprefix("sha256:")[:12] if found.image.startswith("sha256:") else found.image
        yield replace(found, image=names.get(found.image, short))


def _image(client: DockerClient, name: str) -> ImageFacts | None:
    found = image.find(client, name)
    if found is None:
        return None
    with engine.telling(f"looking at the image {name}"):
        facts = client.images.get(found).attrs
    day = re.match(r"\d{4}-\d\d-\d\d", str(facts.get("Created") or ""))
    labels = (facts.get("Config") or {}).get("Labels") or {}
    return ImageFacts(found, int(facts.get("Size") or 0), day[0] if day else "", str(labels.get(LABEL, "")))
