"""The container's bounds, from settings, the environment and the option."""

from __future__ import annotations

from dataclasses import fields

import pytest

from conjure_magic.errors import UsageError
from conjure_magic.executors.docker.limits import limits_of
from conjure_magic.settings import Settings


def test_every_bound_has_a_setting_and_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"image": "mine:1", "memory": "1g", "cpus": "0.5", "pids": "64", "file_size": "2g", "tmpfs_size": "64m"}
    given |= {"workspace_size": "3g", "network": "bridge", "runtime": "runsc", "engine": "unix:///run/podman.sock"}
    for name, value in given.items():
        monkeypatch.setenv(f"CONJURE_DOCKER_{name.upper()}", value)
    monkeypatch.setenv("CONJURE_PASS_ENVIRONMENT", "STAGE,REGION_*")
    limits = limits_of(Settings())
    assert (limits.cpus, limits.pids, limits.environment) == (0.5, 64, ("STAGE", "REGION_*"))
    assert limits.host == given.pop("engine")
    assert {name: str(getattr(limits, name)) for name in given} == given
    assert {field.name for field in fields(limits)} == {*given, "environment", "host"}


def test_the_option_goes_before_the_setting() -> None:
    assert limits_of(Settings(docker_image="mine:1"), "other:2").image == "other:2"


def test_an_empty_name_means_the_standard_image() -> None:
    assert limits_of(Settings(docker_image="")).image == limits_of(Settings()).image


def test_a_bound_that_cannot_hold_is_a_slip() -> None:
    with pytest.raises(UsageError, match="memory 1m is too little"):
        limits_of(Settings(docker_memory="1m"))
