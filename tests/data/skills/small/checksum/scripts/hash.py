"""Computes the checksum or hash of a file: md5, sha1 or sha256."""

import argparse
import hashlib
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("--algorithm", metavar="NAME", default="sha256", choices=["md5", "sha1", "sha256"])
args = parser.parse_args()
print(args.algorithm, hashlib.new(args.algorithm, Path(args.file).read_bytes()).hexdigest())
