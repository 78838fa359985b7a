"""How many random examples a test tries: three hundred each time, and a hundred thousand in `make soak`."""

from __future__ import annotations

import pytest

EXAMPLES = [300, pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])]
"""For `parametrize("examples", …)`. The deadline is ample: one that ends an example midway looks like a flaky test."""
