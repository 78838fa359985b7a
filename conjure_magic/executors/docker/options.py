"""What the settings say of the container."""

from __future__ import annotations

from conjure_magic.executors.docker.limits import DockerLimits
from conjure_magic.settings import Settings


def limits_of(settings: Settings, image: str = "") -> DockerLimits:
    """The bounds as the settings have them; `image` goes before theirs. Raises UsageError for what cannot hold."""
    return DockerLimits(
        image=image or settings.docker_image,
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
