"""The native skills of this package, which the backend native uses by default."""

from __future__ import annotations

from conjure_magic.backends.native.base import NativeSkill


def bundled(*, with_kernel: bool) -> dict[str, type[NativeSkill]]:
    """Return name -> class; includes the skill `kernel` only if there is a kernel."""
    from conjure_magic.backends.bundled_native.frames import Frames
    from conjure_magic.backends.bundled_native.kernel import Kernel
    from conjure_magic.backends.bundled_native.log_fetcher import LogFetcher

    found: dict[str, type[NativeSkill]] = {LogFetcher.name: LogFetcher}
    return {**found, Kernel.name: Kernel, Frames.name: Frames} if with_kernel else found
