"""How many random examples a test tries: a thousand each time, and a hundred thousand in `make soak`."""

from __future__ import annotations

import pytest

EXAMPLES = [1_000, pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])]
"""For `parametrize("examples", …)`. The deadline is ample: one that ends an example midway looks like a flaky test."""
