"""Finds TODO and FIXME notes in source code."""

import argparse
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("files", nargs="+")
for name in parser.parse_args().files:
    for number, line in enumerate(Path(name).read_text(encoding="utf-8").splitlines(), 1):
        if "TODO" in line or "FIXME" in line:
            print(f"{Path(name).name}:{number}: {line.strip()}")
