"""From a plan to a channel that takes commands, by what the image has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conjure_magic.errors import DockerUnavailableError
from conjure_magic.executors.docker.channel import OTHER, ContainerChannel
from conjure_magic.executors.docker.container import SHELL_ONLY, Container, Plan
from conjure_magic.executors.docker.exec import ExecChannel
from conjure_magic.executors.docker.guard import Guard

if TYPE_CHECKING:
    from docker import DockerClient


def open_channel(client: DockerClient, plan: Plan, guard: Guard) -> ContainerChannel:
    """Start a container and wait until it listens: a supervisor where there is Python, else the engine's exec.

    Raises BackendError with what to do.
    """
    channel = ContainerChannel(Container(client, plan, guard))
    try:
        kind, payload = channel.greeting()
        return ExecChannel(channel.container, int(payload)) if kind == SHELL_ONLY else channel
    except BaseException as error:
        channel.close()
        if isinstance(error, ValueError):  # from int: whatever greets us is no shell of ours
            name = channel.container.plan.image_name
            raise DockerUnavailableError(f"the image {name} does not start as it should: {OTHER}") from None
        raise
