"""What a container may take is checked before any engine is asked."""

from __future__ import annotations

from typing import Any

import pytest
from standard import docker_limits

from conjure_magic.errors import UsageError
from conjure_magic.executors.docker.limits import size_bytes


@pytest.mark.parametrize(
    ("text", "size"),
    [("512m", 512 << 20), ("1.5g", 3 << 29), ("1024", 1024), ("64 KiB", 64 << 10), ("2GB", 2 << 30), ("1t", 1 << 40)],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "m", "-1m", "1e3", "ten", "1x", "1mm"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="such as 512m"):
        size_bytes(text)


@pytest.mark.parametrize("text", ["99999999999t", "9" * 400])
def test_what_no_machine_has_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="more than any machine has"):
        size_bytes(text)


WRONG: list[tuple[str, Any, str]] = [
    ("memory", "1m", "at least 32m"),
    ("memory", "lots", "not a size"),
    ("tmpfs_size", "1g", "more than memory"),
    ("file_size", "1", "at least 64k"),
    ("workspace_size", "0", "at least 64k"),
    ("cpus", 0, "such as 0.5"),
    ("cpus", float("nan"), "such as 0.5"),
    ("pids", 1, "at least 16"),
    ("network", "host", "undo the sandbox"),
    ("network", "container:abc", "undo the sandbox"),
    ("network", "", "none, bridge"),
    ("runtime", "a b", "runsc"),
    ("environment", ("MY_API_KEY",), "MY_API_KEY"),
    ("environment", ("A=b",), "not the name"),
]


@pytest.mark.parametrize(("name", "value", "told"), WRONG)
def test_a_bound_that_cannot_hold_is_refused_with_what_could(name: str, value: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        docker_limits(**{name: value})


def test_networks_of_the_engine_are_taken_by_name() -> None:
    assert [docker_limits(network=name).network for name in ("none", "bridge", "hostile", "my-net_1")]
