"""Finds duplicate files in a folder."""

import argparse
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("folder")
seen: dict[bytes, str] = {}
for path in sorted(Path(parser.parse_args().folder).iterdir()):
    if path.is_file():
        first = seen.setdefault(path.read_bytes(), path.name)
        if first != path.name:
            print(f"{path.name} is a duplicate of {first}")
