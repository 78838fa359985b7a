"""From a container plan to a channel that runs commands, depending on what the image contains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conjure_magic.errors import DockerUnavailableError
from conjure_magic.executors.docker.container import SHELL_ONLY, Container, Plan
from conjure_magic.executors.docker.container_channel import OTHER, ContainerChannel
from conjure_magic.executors.docker.shell_only import ExecChannel
from conjure_magic.executors.docker.unstarted_containers import Watchdog

if TYPE_CHECKING:
    from docker import DockerClient


def open_channel(client: DockerClient, plan: Plan, watchdog: Watchdog) -> ContainerChannel:
    """Start a container and wait until it is ready: with a supervisor if it has Python, else with the engine's exec.

    Raises BackendError with what to do.
    """
    channel = ContainerChannel(Container(client, plan, watchdog))
    try:
        kind, payload = channel.greeting()
        return ExecChannel(channel.container, int(payload)) if kind == SHELL_ONLY else channel
    except BaseException as error:
        channel.close()
        if isinstance(error, ValueError):  # from int: the greeting did not come from our shell
            name = channel.container.plan.image_name
            raise DockerUnavailableError(f"the image {name} does not start as it should: {OTHER}") from None
        raise
