"""From a plan to a channel that takes commands, by what the image has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conjure_magic.executors.docker.channel import ContainerChannel
from conjure_magic.executors.docker.container import SHELL_ONLY, Container, Plan
from conjure_magic.executors.docker.exec import ExecChannel

if TYPE_CHECKING:
    from docker import DockerClient


def open_channel(client: DockerClient, plan: Plan) -> ContainerChannel:
    """Start a container and wait until it listens: a supervisor where there is Python, else the engine's exec.

    Raises BackendError with what to do.
    """
    channel = ContainerChannel(Container(client, plan))
    try:
        kind, payload = channel.greeting()
    except BaseException:
        channel.close()
        raise
    return ExecChannel(channel.container, int(payload)) if kind == SHELL_ONLY else channel
