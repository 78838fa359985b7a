"""Encodes a text as base64."""

import argparse
import base64

parser = argparse.ArgumentParser()
parser.add_argument("text")
print(base64.b64encode(parser.parse_args().text.encode()).decode())
