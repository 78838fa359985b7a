"""Every setting, its default, and its environment variable.

The first of these with a value wins: the call or cell, the session, the settings as changed in code or by IPython's
configuration, the environment variable, the default here.
"""

from __future__ import annotations

import os
from typing import Any

from traitlets import Bool, Dict, Enum, Float, Int, List, TraitError, TraitType, Unicode
from traitlets.config import Configurable

PROFILES = {"dev": "local", "test": "local", "prod": "docker"}
"""Profile -> its backend."""
IDLE_TIMEOUT = 600.0
"""Seconds; see `Settings.idle_timeout`. Clients without settings use it as well."""
STANDARD_IMAGE = "conjure-magic:latest"
"""The image that the Docker backend builds, and uses unless another one is named."""


class Settings(Configurable):
    """The settings of a kernel or a program; change them by assigning to attributes."""

    backend = Unicode("", help="Backends for new sessions, separated by commas. Empty: the profile's.").tag(
        config=True, env="CONJURE_BACKEND"
    )
    profile = Enum(tuple(PROFILES), "dev", help="Where this runs. It determines the backend if none is chosen.").tag(
        config=True, env="CONJURE_PROFILE"
    )
    model = Unicode("", help="Model for new sessions: an id, a name, or offline. Empty: the best one available.").tag(
        config=True, env="CONJURE_MODEL"
    )
    default_model = Unicode("claude-opus-5-5", help="The model if there is a key and none is chosen.").tag(config=True)
    models = Dict(
        help="Name -> a model id, or a dict with 'model', 'base_url', 'key_variable', 'dialect' and 'context_window'."
    ).tag(config=True)
    prices = Dict(
        help="Model id -> [input, output] in US dollars per million tokens; overrides the built-in table."
    ).tag(config=True)
    skills = List(Unicode(), help="Skill folders, or names of skills to offer.").tag(config=True, env="CONJURE_SKILLS")
    workspace = Unicode("", help="Work in this folder. Empty: each session has a folder of its own.").tag(
        config=True, env="CONJURE_WORKSPACE"
    )
    input = Unicode("", help="The input folder. Empty: the current directory of the kernel.").tag(
        config=True, env="CONJURE_INPUT"
    )
    allowed_commands = List(
        Unicode(),
        help="Commands that run without asking, such as 'python analyze.py *'; * is one word that is not an option. "
        "They ask again once the model has written files that they could load.",
    ).tag(config=True)
    pass_environment = List(
        Unicode(), help="Names of additional environment variables that are passed to commands."
    ).tag(config=True, env="CONJURE_PASS_ENVIRONMENT")
    fetch_hosts = List(
        Unicode(),
        help="Hosts that log-fetcher may read from without asking, besides those named in a request: logs.example.com.",
    ).tag(config=True, env="CONJURE_FETCH_HOSTS")
    fetch_private = List(
        Unicode(),
        help="Private networks that log-fetcher may read from, such as localhost or 10.0.0.0/8; all for every one.",
    ).tag(config=True, env="CONJURE_FETCH_PRIVATE")
    timeout = Float(
        0.0, min=0, help="Seconds that a turn may take, not counting the time for answers to questions. 0: no limit."
    ).tag(config=True, env="CONJURE_TIMEOUT")
    command_timeout = Float(120.0, min=0.1, help="Seconds that a command may take unless its call says otherwise.").tag(
        config=True, env="CONJURE_COMMAND_TIMEOUT"
    )
    max_cost = Float(0.0, min=0, help="US dollars that a turn may cost, checked between rounds. 0: no limit.").tag(
        config=True, env="CONJURE_MAX_COST"
    )
    compact = Bool(True, help="Summarise earlier rounds when a conversation approaches the model's context limit.").tag(
        config=True
    )
    max_rounds = Int(50, min=1, help="Model requests that one turn may make.").tag(
        config=True, env="CONJURE_MAX_ROUNDS"
    )
    max_pauses = Int(10, min=0, help="Times that the hosted container may pause and be resumed in a turn.").tag(
        config=True, env="CONJURE_MAX_PAUSES"
    )
    hosted_limit = Int(
        100_000_000, min=0, help="Bytes of a file that may be copied to or from the hosted container."
    ).tag(config=True)
    max_tokens = Int(16_000, min=1, help="Tokens in one answer of the model.").tag(config=True)
    context_window = Int(
        0, min=0, help="Tokens of a conversation and an answer together. 0: as the server or the built-in table says."
    ).tag(config=True, env="CONJURE_CONTEXT_WINDOW")
    idle_timeout = Float(
        IDLE_TIMEOUT,
        min=0.1,
        help="Seconds that a model's server may send nothing, for example while it reads a request.",
    ).tag(config=True, env="CONJURE_IDLE_TIMEOUT")
    file_limit = Int(512_000, min=0, help="Bytes up to which a created file is embedded in the cell's output.").tag(
        config=True
    )
    cell_limit = Int(2_000_000, min=0, help="Bytes of files that may be embedded in one cell's output.").tag(
        config=True
    )
    docker_image = Unicode(STANDARD_IMAGE, help="Image that commands run in; it needs sh.").tag(
        config=True, env="CONJURE_DOCKER_IMAGE"
    )
    docker_memory = Unicode(
        "512m", help="Memory of a session's container, for all its commands; there is no swap."
    ).tag(config=True, env="CONJURE_DOCKER_MEMORY")
    docker_cpus = Float(1.0, help="Processors of the container, such as 0.5.").tag(
        config=True, env="CONJURE_DOCKER_CPUS"
    )
    docker_pids = Int(128, help="Processes and threads in the container at any time.").tag(
        config=True, env="CONJURE_DOCKER_PIDS"
    )
    docker_file_size = Unicode("1g", help="Size of the largest file that a command may write.").tag(
        config=True, env="CONJURE_DOCKER_FILE_SIZE"
    )
    docker_tmpfs_size = Unicode("100m", help="Size of /tmp in the container, which counts towards its memory.").tag(
        config=True, env="CONJURE_DOCKER_TMPFS_SIZE"
    )
    docker_workspace_size = Unicode(
        "10g", help="Size of the workspace at which a command that fills it is stopped."
    ).tag(config=True, env="CONJURE_DOCKER_WORKSPACE_SIZE")
    docker_network = Unicode("none", help="none, bridge (any address), or the name of a network of the engine.").tag(
        config=True, env="CONJURE_DOCKER_NETWORK"
    )
    docker_runtime = Unicode("", help="Container runtime, such as gVisor's runsc. Empty: the engine's default.").tag(
        config=True, env="CONJURE_DOCKER_RUNTIME"
    )
    docker_engine = Unicode(
        "", help="The engine: an address or a context. Empty: DOCKER_HOST or the current context."
    ).tag(config=True, env="CONJURE_DOCKER_ENGINE")
    project_skills = Bool(True, help="Look for skills in ./skills and ./.agents/skills of a trusted project.").tag(
        config=True
    )

    @property
    def chosen_backend(self) -> str:
        """The backends for new sessions: the setting `backend`, or else the profile's."""
        return self.backend or PROFILES[self.profile]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.problems: tuple[str, ...] = ()
        sections = [self.config.get(cls.__name__, {}) for cls in type(self).mro()]
        fixed = {*kwargs, *(name for section in sections for name in section)}
        names = self.traits(env=lambda env: env is not None)
        self._read = {name: ("", getattr(self, name)) for name in names if name not in fixed}
        self.read_environment()

    def read_environment(self) -> None:
        """Read environment variables again (`%env` in a cell) for settings that nothing else has changed since."""
        for name, (before, value) in self._read.items():
            trait = self.traits()[name]
            text = os.environ.get(trait.metadata["env"], "")
            if text != before and getattr(self, name) == value:
                if text:
                    self._take(name, trait, text)
                else:
                    setattr(self, name, trait.default())
                self._read[name] = (text, getattr(self, name))

    def _take(self, name: str, trait: TraitType[Any, Any], value: str) -> None:
        """Use an environment variable's value; an invalid one is ignored, and reported by the next cell."""
        try:
            setattr(self, name, _parse(trait, value))
        except (TraitError, ValueError) as error:
            reason = str(error).splitlines()[0]
            self.problems = (*self.problems, f"{trait.metadata['env']}={value!r} is ignored: {reason}")


def _parse(trait: TraitType[Any, Any], text: str) -> Any:
    """Parse the value of an environment variable; lists are separated by commas."""
    if isinstance(trait, List):
        return split_list(text)
    return trait.from_string(text)


def split_list(text: str) -> list[str]:
    """Split a list at commas, strip each part, and drop empty ones."""
    return [part.strip() for part in text.split(",") if part.strip()]
