"""Tells width and height of PNG images and pictures in pixels."""

import argparse
import struct
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("image")
print("{} x {} pixels".format(*struct.unpack(">II", Path(parser.parse_args().image).read_bytes()[16:24])))
