"""Prints the longest words of a file."""

import re
import sys
from pathlib import Path

words = set(re.findall(r"\w+", Path(sys.argv[1]).read_text(encoding="utf-8")))
print("\n".join(sorted(words, key=len, reverse=True)[:3]))
