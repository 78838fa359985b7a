"""The offline model: a deterministic planner over what skills document. No key, no network, no language model."""

from conjure_magic.models.offline.model import OfflineModel

__all__ = ["OfflineModel"]
