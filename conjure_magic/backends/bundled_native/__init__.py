"""The native skills that come with the package: what the backend native offers unless others are named."""

from __future__ import annotations

from conjure_magic.backends.native.base import NativeSkill


def bundled(*, with_kernel: bool) -> dict[str, type[NativeSkill]]:
    """Name -> class; the skill `kernel` only where there is one."""
    from conjure_magic.backends.bundled_native.kernel import Kernel
    from conjure_magic.backends.bundled_native.log_fetcher import LogFetcher

    found: dict[str, type[NativeSkill]] = {LogFetcher.name: LogFetcher}
    return {**found, Kernel.name: Kernel} if with_kernel else found
