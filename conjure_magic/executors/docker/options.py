"""What the settings say of the container."""

from __future__ import annotations

from conjure_magic.executors.docker.limits import DockerLimits
from conjure_magic.settings import STANDARD_IMAGE, Settings


def limits_of(settings: Settings, image: str = "") -> DockerLimits:
    """The bounds in the settings; `image` takes precedence over theirs. Raises UsageError for an invalid value."""
    return DockerLimits(
        image=image or settings.docker_image or STANDARD_IMAGE,
        memory=settings.docker_memory,
        cpus=settings.docker_cpus,
        pids=settings.docker_pids,
        file_size=settings.docker_file_size,
        tmpfs_size=settings.docker_tmpfs_size,
        workspace_size=settings.docker_workspace_size,
        network=settings.docker_network,
        runtime=settings.docker_runtime,
        environment=tuple(settings.pass_environment),
        host=settings.docker_engine,
    )
