"""`%conjure docker`: show the engine, image, containers and their limits, and build the standard image."""

from __future__ import annotations

import argparse
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conjure_magic.cancel import Cancel, interrupt_guard
from conjure_magic.characters import printed
from conjure_magic.errors import CancelledError
from conjure_magic.magics.command_declaration import Command, CommandContext
from conjure_magic.magics.options import argument, flatten
from conjure_magic.printing import say
from conjure_magic.render import Table, style
from conjure_magic.render import render_state as render
from conjure_magic.render.text import escape
from conjure_magic.settings import STANDARD_IMAGE

if TYPE_CHECKING:
    from conjure_magic.executors.docker.limits import DockerLimits
    from conjure_magic.executors.docker.status import Status

Bundle = dict[str, Any]
TAIL = 12
"""Lines shown of a running build."""
BOUNDS = {
    "image": "image",
    "memory": "memory, without swap",
    "cpus": "CPUs",
    "pids": "processes and threads",
    "file_size": "largest file",
    "tmpfs_size": "temporary files (in memory)",
    "workspace_size": "workspace (checked while commands run)",
    "network": "network",
    "runtime": "runtime",
    "host": "engine",
}
SETTING = {"host": "docker_engine"}
NO_HOST_LISTS = (
    "Network access is all or nothing. A list of allowed hosts would not keep data in: the engine does not see host "
    "names, a DNS lookup alone can carry data out, and any allowed host that accepts input can pass it on. For "
    "something in between, create a Docker network with your own firewall and name it in docker_network."
)


def show(context: CommandContext, options: argparse.Namespace) -> Bundle:
    """Show the engine, the image, our containers, and the limits of the next one."""
    from conjure_magic.executors.docker.limits import limits_of
    from conjure_magic.executors.docker.status import look

    limits = limits_of(context.settings, str(context.sessions.chosen.get("options", {}).get("image") or ""))
    status = look(limits)
    values = [("engine", _engine_words(status)), ("image", _image_words(status, limits))]
    rows = [
        (name, _bound(key, getattr(limits, key)), SETTING.get(key, f"docker_{key}")) for key, name in BOUNDS.items()
    ]
    rows.append(("environment", ", ".join(limits.environment) or "none of the kernel's variables", "pass_environment"))
    found = [(c.session, c.name, c.image, c.state, "gone" if c.is_orphan else "running") for c in status.containers]
    tables = [Table(("limit", "value", "setting"), rows, "Limits of the next container")]
    if status.engine is not None:
        header = ("session", "container", "image", "state", "its kernel")
        tables.insert(0, Table(header, found, "Containers", empty="none of ours"))
    return render("Docker", values, tables, NO_HOST_LISTS)


def _bound(key: str, value: str | float) -> str:
    if not value:
        return "as for the docker command" if key == "host" else "the engine's default"
    return value if isinstance(value, str) else f"{value:g}"


def _engine_words(status: Status) -> str:
    if status.engine is None:
        return status.problem
    facts = status.engine
    options = " ".join(map(str, facts.get("SecurityOptions") or ()))
    kind = "rootless" if "rootless" in options else "rootful"
    memory = int(facts.get("MemTotal") or 0) / (1 << 30)
    runtimes = ", ".join(sorted(name for name in facts.get("Runtimes") or () if "." not in name))
    return (
        f"{facts.get('ServerVersion', '?')} at {status.address}, {kind}; {facts.get('OperatingSystem', '?')}, "
        f"{facts.get('NCPU', '?')} CPUs, {memory:.1f} GB; runtimes: {runtimes or 'default only'}"
    )


def _image_words(status: Status, limits: DockerLimits) -> str:
    name = limits.image
    if status.engine is None or status.problem:
        return f"{name}: {status.problem}" if status.engine else name
    if status.image is None:
        how = "built" if name == STANDARD_IMAGE else "pulled"
        return f"{name} does not exist yet; it will be {how} for the first command (see %conjure docker build --help)"
    found = status.image
    when = f", built on {found.created}" if found.created else ""
    old = "; outdated, rebuild it with %conjure docker build" if status.has_old_image else ""
    return f"{name}, {found.size / 1e6:,.0f} MB{when}, {found.id.removeprefix('sha256:')[:12]}{old}"


def build(context: CommandContext, options: argparse.Namespace) -> Bundle:
    """Build the standard image and display the progress. Raises BackendUnavailableError if that fails."""
    from conjure_magic.executors.docker import image
    from conjure_magic.executors.docker.build_context import BuildContext
    from conjure_magic.executors.docker.limits import limits_of
    from conjure_magic.executors.docker.status import look

    settings = context.settings
    ca = Path(options.ca).expanduser() if options.ca else None
    packages = flatten(options.packages)
    limits = limits_of(settings, options.image)  # rejects an invalid name before minutes are spent
    image_context = BuildContext(
        options.base, ca, options.index, options.apt, None if packages is None else tuple(packages)
    )
    cancel, shown = Cancel(), BuildDisplay(options.image)
    try:
        with interrupt_guard(cancel):
            image.build(
                image_context, shown, cancel, name=options.image, host=settings.docker_engine, fresh=options.fresh
            )
    except CancelledError:
        shown.close("stopped")
        raise KeyboardInterrupt("stopped; the finished steps are kept") from None
    except BaseException:
        shown.close("failed")
        raise
    shown.close("done")
    how = "" if options.image == settings.docker_image else f"Use it with --image {options.image}."
    return render(values=[("image", _image_words(look(limits), limits))], note=how)


class BuildDisplay:
    """Progress of a build: its last lines, updated in place; in a terminal, one line per step."""

    def __init__(self, name: str) -> None:
        from IPython.core.getipython import get_ipython

        self._name = name
        self._lines = deque[str](maxlen=TAIL)
        self._began = self._drawn = time.monotonic()
        self._in_kernel = getattr(get_ipython(), "kernel", None) is not None
        self._output: Any = None

    def __call__(self, line: str) -> None:
        """Show a line of progress."""
        self._lines.append(printed(line))
        if not self._in_kernel:
            if line.startswith("step "):
                say(line)
            return
        now = time.monotonic()
        if self._output is None or now - self._drawn > 0.2:
            self._drawn = now
            self._draw(f"◐ {now - self._began:.0f} s", "\n".join(self._lines))

    def close(self, how: str) -> None:
        """Show how the build ended; unless it succeeded, its last lines stay."""
        words = f"Building {self._name}: {how} after {time.monotonic() - self._began:.0f} s"
        if self._in_kernel:
            self._draw(words, "" if how == "done" else "\n".join(self._lines))
        else:
            say(words)

    def _draw(self, status: str, text: str) -> None:
        from IPython.display import display

        bundle = {
            "text/html": style.page((style.box(text) if text else "") + style.span(escape(status), style.SMALL)),
            "text/plain": "\n".join(filter(None, (text, status))),
        }
        if self._output is None:
            self._output = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._output.update(bundle, raw=True)


DOCKER = Command(
    "docker",
    "show the Docker engine, the image, the containers and their limits",
    show,
    details=NO_HOST_LISTS,
    commands=(
        Command(
            "docker build",
            "build the image in which the docker backend runs commands",
            build,
            (
                argument("--base", metavar="IMAGE", default="", help="base image: with Python, or a Debian image"),
                argument("--ca", metavar="FILE", help="PEM file of certificates to trust, in the build and the image"),
                argument("--index", metavar="URL", default="", help="package index for pip"),
                argument("--apt", metavar="URL", default="", help="mirror of Debian packages"),
                argument(
                    "--packages",
                    metavar="P,…",
                    action="append",
                    help="Python packages to install instead of the common data libraries",
                ),
                argument(
                    "--image",
                    metavar="NAME",
                    default=STANDARD_IMAGE,
                    help=f"name of the image (default: {STANDARD_IMAGE})",
                ),
                argument("--fresh", action="store_true", help="rebuild without the cache"),
            ),
        ),
    ),
)
