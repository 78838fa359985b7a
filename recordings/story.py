"""When things happen in a recorded story."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Story:
    """The story: its length in seconds, requests per second, and the seed of the random numbers."""

    seconds: float
    rate: float
    seed: int

    @property
    def rebuild_at(self) -> float:
        """Seconds from the start until the operator requests a full rebuild of the index."""
        return 0.405 * self.seconds

    @property
    def restart_at(self) -> float:
        """Seconds until the shop is restarted, which does not help."""
        return 0.605 * self.seconds

    @property
    def cancel_at(self) -> float:
        """Seconds until the rebuild is cancelled, which helps."""
        return 0.69 * self.seconds
