"""Every setting, its default, and its environment variable.

A value is taken from, in this order: the call or cell, what was chosen for the session, the
settings as they were changed (in IPython by its configuration), the environment variable, the default here.
"""

from __future__ import annotations

import os
from typing import Any

from traitlets import Bool, Dict, Enum, Float, Int, List, TraitError, TraitType, Unicode
from traitlets.config import Configurable

PROFILES = {"dev": "local", "test": "local", "prod": "docker"}
"""Profile -> its backend."""
STANDARD_IMAGE = "conjure-magic:latest"
"""The image that the Docker backend builds, and uses unless another one is named."""


class Settings(Configurable):
    """The settings of a kernel or a library user's own; change them like attributes."""

    backend = Unicode("", help="Backends for new sessions, separated by commas. Empty: the profile's.").tag(
        config=True, env="CONJURE_BACKEND"
    )
    profile = Enum(tuple(PROFILES), "dev", help="Where this runs; it chooses the backend where nothing else does.").tag(
        config=True, env="CONJURE_PROFILE"
    )
    model = Unicode("", help="Model for new sessions: an id, a name, or offline. Empty: whatever is there.").tag(
        config=True, env="CONJURE_MODEL"
    )
    default_model = Unicode("claude-opus-5-5", help="The model where there is a key and none is named.").tag(
        config=True
    )
    models = Dict(
        help="Names for models: to an id, or a dict: 'model', 'base_url', 'key_variable', 'dialect', 'context_window'."
    ).tag(config=True)
    prices = Dict(help="Model id -> [input, output] in US dollars per million tokens; goes before the table.").tag(
        config=True
    )
    skills = List(Unicode(), help="Skill folders, or names of skills to offer.").tag(config=True, env="CONJURE_SKILLS")
    workspace = Unicode("", help="Work in this folder, as it is. Empty: a folder of the session's own.").tag(
        config=True, env="CONJURE_WORKSPACE"
    )
    input = Unicode("", help="The input folder. Empty: the kernel's directory.").tag(config=True, env="CONJURE_INPUT")
    allowed_commands = List(
        Unicode(),
        help="Commands that run without asking, such as 'python analyze.py *': * is one word that is no option. "
        "They ask again once the model has written what they could load.",
    ).tag(config=True)
    pass_environment = List(Unicode(), help="Names of further environment variables that commands may see.").tag(
        config=True, env="CONJURE_PASS_ENVIRONMENT"
    )
    fetch_hosts = List(
        Unicode(),
        help="Hosts that log-fetcher may read without asking, beside those that a request names: logs.example.com.",
    ).tag(config=True, env="CONJURE_FETCH_HOSTS")
    fetch_private = List(
        Unicode(),
        help="Networks that log-fetcher may read though they are not public: localhost, 10.0.0.0/8, or all.",
    ).tag(config=True, env="CONJURE_FETCH_PRIVATE")
    timeout = Float(0.0, min=0, help="Seconds a turn may take, waiting for a user not counted; 0: no limit.").tag(
        config=True, env="CONJURE_TIMEOUT"
    )
    command_timeout = Float(120.0, min=0.1, help="Seconds a command may take unless the call says otherwise.").tag(
        config=True, env="CONJURE_COMMAND_TIMEOUT"
    )
    max_cost = Float(0.0, min=0, help="US dollars that a turn may cost, checked between rounds; 0: no limit.").tag(
        config=True, env="CONJURE_MAX_COST"
    )
    compact = Bool(True, help="Summarise whole rounds when a conversation nears the model's context.").tag(config=True)
    max_rounds = Int(50, min=1, help="Model requests that one turn may take.").tag(
        config=True, env="CONJURE_MAX_ROUNDS"
    )
    max_pauses = Int(10, min=0, help="Times that the hosted container may pause in a turn and is let go on.").tag(
        config=True, env="CONJURE_MAX_PAUSES"
    )
    hosted_limit = Int(100_000_000, min=0, help="Bytes of a file that may cross between here and the container.").tag(
        config=True
    )
    max_tokens = Int(16_000, min=1, help="Tokens that one answer of the model may have.").tag(config=True)
    context_window = Int(
        0, min=0, help="Tokens that a conversation and an answer may have together; 0: what the server or a table says."
    ).tag(config=True, env="CONJURE_CONTEXT_WINDOW")
    idle_timeout = Float(
        600.0,
        min=0.1,
        help="Seconds that a model's server may send nothing, as while it reads a request.",
    ).tag(config=True, env="CONJURE_IDLE_TIMEOUT")
    file_limit = Int(512_000, min=0, help="Bytes up to which a created file travels inside the output.").tag(
        config=True
    )
    cell_limit = Int(2_000_000, min=0, help="Bytes of files that travel inside one cell's output.").tag(config=True)
    docker_image = Unicode(STANDARD_IMAGE, help="Image that commands run in: any with sh.").tag(
        config=True, env="CONJURE_DOCKER_IMAGE"
    )
    docker_memory = Unicode("512m", help="Memory for all commands of a session's container; there is no swap.").tag(
        config=True, env="CONJURE_DOCKER_MEMORY"
    )
    docker_cpus = Float(1.0, help="Processors for them, such as 0.5.").tag(config=True, env="CONJURE_DOCKER_CPUS")
    docker_pids = Int(128, help="Processes and threads that they may have at once.").tag(
        config=True, env="CONJURE_DOCKER_PIDS"
    )
    docker_file_size = Unicode("1g", help="Size of the largest file that a command may write.").tag(
        config=True, env="CONJURE_DOCKER_FILE_SIZE"
    )
    docker_tmpfs_size = Unicode("100m", help="Size of /tmp in the container; it lies in its memory.").tag(
        config=True, env="CONJURE_DOCKER_TMPFS_SIZE"
    )
    docker_workspace_size = Unicode("10g", help="Size at which a command that fills the workspace is stopped.").tag(
        config=True, env="CONJURE_DOCKER_WORKSPACE_SIZE"
    )
    docker_network = Unicode("none", help="none, bridge (any address), or a network of the engine's by its name.").tag(
        config=True, env="CONJURE_DOCKER_NETWORK"
    )
    docker_runtime = Unicode("", help="Runtime of the engine, such as gVisor's runsc. Empty: its default.").tag(
        config=True, env="CONJURE_DOCKER_RUNTIME"
    )
    docker_engine = Unicode(
        "", help="The engine: an address or a context. Empty: DOCKER_HOST or the context in use."
    ).tag(config=True, env="CONJURE_DOCKER_ENGINE")
    project_skills = Bool(True, help="Look for skills in ./skills and ./.agents/skills, once trusted.").tag(config=True)

    @property
    def chosen_backend(self) -> str:
        """The backends for new sessions: as set, else the profile's."""
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
        """Take what environment variables say now (`%env` in a cell), where nothing else has set a value since."""
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
        """Take an environment variable's value; one that is wrong is left out, and told by the next cell."""
        try:
            setattr(self, name, _parse(trait, value))
        except (TraitError, ValueError) as error:
            reason = str(error).splitlines()[0]
            self.problems = (*self.problems, f"{trait.metadata['env']}={value!r} is left out: {reason}")


def _parse(trait: TraitType[Any, Any], text: str) -> Any:
    """The value of an environment variable; lists are separated by commas."""
    if isinstance(trait, List):
        return split_list(text)
    return trait.from_string(text)


def split_list(text: str) -> list[str]:
    """The parts of a list written with commas, blanks around them dropped, empty ones left out."""
    return [part.strip() for part in text.split(",") if part.strip()]
