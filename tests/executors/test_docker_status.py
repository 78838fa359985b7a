"""What a person is told of the engine, the image and the containers; a lack is told as well."""

from __future__ import annotations

import sys

import pytest
from standard import docker_limits

from conjure_magic.executors.docker.status import ImageFacts, Status, look


def test_without_the_library_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "docker"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "docker", None)  # as where it is not installed
    status = look(docker_limits())
    assert status.engine is None
    assert "pip install" in status.problem


def test_without_an_engine_it_says_where_none_answers() -> None:
    status = look(docker_limits(host="unix:///nowhere/docker.sock"))
    assert status.engine is None
    assert "no engine answers at unix:///nowhere/docker.sock" in status.problem


@pytest.mark.docker
def test_engine_image_and_no_image(docker_image: str) -> None:
    status = look(docker_limits(image=docker_image))
    assert status.engine is not None
    assert status.image is not None
    assert status.image.size > 1_000_000
    assert not status.has_old_image, "it is none of ours"
    assert look(docker_limits(image="conjure-test:nowhere")).image is None


@pytest.mark.docker
def test_an_invalid_name_is_reported_along_with_the_engine(docker_image: str) -> None:
    status = look(docker_limits(image="NotLower"))
    assert status.engine is not None
    assert "'NotLower' is not a valid image name" in status.problem


def test_an_image_of_another_recipe_is_old() -> None:
    assert Status(image=ImageFacts("sha256:1", 1, "", "another")).has_old_image
    assert not Status(image=ImageFacts("sha256:1", 1, "", "")).has_old_image
