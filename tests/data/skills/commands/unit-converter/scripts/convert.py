"""Converts lengths: `convert.py AMOUNT FROM TO`."""

import sys

METRES = {"km": 1000.0, "mile": 1609.344, "foot": 0.3048}
amount, source, target = float(sys.argv[1]), sys.argv[2], sys.argv[3]
print(f"{amount * METRES[source] / METRES[target]:.4g} {target}")
