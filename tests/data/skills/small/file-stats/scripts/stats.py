"""Tells size in bytes and number of lines of files."""

import argparse
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("files", nargs="+")
parser.add_argument("--bytes", action="store_true", help="only the size in bytes")
args = parser.parse_args()
for name in args.files:
    data = Path(name).read_bytes()
    lines = len(data.splitlines())
    print(len(data) if args.bytes else f"{Path(name).name}: {len(data)} bytes, {lines} lines")
