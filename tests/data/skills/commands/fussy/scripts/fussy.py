"""Fails with any option, works without."""

import sys

if len(sys.argv) != 2:
    sys.exit("fussy.py: error: unrecognized arguments")
print("inspected plainly")
