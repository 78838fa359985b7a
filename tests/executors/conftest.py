"""Executors under test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from standard import docker_limits

from conjure_magic.executors.docker.folders import ContainerFolders
from conjure_magic.executors.local import LocalExecutor
from conjure_magic.testing.executor_suite import Place
from conjure_magic.workspace import Folders

KEY = "sk-conjure-test-0123456789"


def make_folders(root: Path) -> tuple[Folders, Path]:
    """Workspace, input folder and a skill below `root`, and a folder that is none of them."""
    for name in ("workspace", "input", "outside", "skill"):
        (root / name).mkdir()
    (root / "input/given.txt").write_text("given\n")
    (root / "outside/secret.txt").write_text("outside")
    (root / "skill/SKILL.md").write_text("# a skill\n")
    return Folders(root / "workspace", root / "input", {"a-skill": root / "skill"}), root / "outside"


@pytest.fixture
def make_place(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    """Makes places on this machine with a key planted in the environment; closes what it made."""
    opened: list[LocalExecutor] = []
    folders, outside = make_folders(tmp_path.resolve())

    def make(**options: object) -> Place:
        environ = {**os.environ, "ANTHROPIC_API_KEY": KEY, "GITHUB_TOKEN": KEY, "MY_SECRET": KEY}
        executor = LocalExecutor(folders, **{"environ": environ, **options})  # type: ignore[arg-type]
        opened.append(executor)
        return Place(executor, folders.workspace, folders.input, outside, KEY)

    yield make
    for executor in opened:
        executor.close()


@pytest.fixture
def place(make_place: Callable[..., Place]) -> Place:
    """One such place."""
    return make_place()


@pytest.fixture
def make_container(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Place]]:
    """Makes places in containers, with limits as options; the key is planted as on this machine."""
    from conjure_magic.executors.docker.executor import DockerExecutor

    opened: list[DockerExecutor] = []
    folders, outside = make_folders(tmp_path.resolve())
    inside = ContainerFolders(folders.workspace, folders.input, folders.skills)

    def make(image: str = "docker_image", folders: ContainerFolders = inside, **limits: Any) -> Place:
        environ = {**os.environ, "ANTHROPIC_API_KEY": KEY, "GITHUB_TOKEN": KEY, "MY_SECRET": KEY}
        bounds = docker_limits(image=request.getfixturevalue(image), **limits)
        executor = DockerExecutor(folders, bounds, session="test", environ=environ)
        opened.append(executor)
        return Place(executor, folders.workspace, folders.input, outside, KEY)

    yield make
    for executor in opened:
        executor.close()
