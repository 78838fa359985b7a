"""When things happen in a recorded story."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Story:
    """The script: its length in seconds, requests a second, and the seed of all that is drawn."""

    seconds: float
    rate: float
    seed: int

    @property
    def rebuild_at(self) -> float:
        """Seconds from the start until the operator asks for a full rebuild of the index."""
        return 0.405 * self.seconds

    @property
    def restart_at(self) -> float:
        """Seconds until the shop is restarted, which does not help."""
        return 0.605 * self.seconds

    @property
    def cancel_at(self) -> float:
        """Seconds until the rebuild is cancelled, which does."""
        return 0.69 * self.seconds
