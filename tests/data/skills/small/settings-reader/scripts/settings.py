"""Reads settings of a section from an INI configuration file."""

import argparse
import configparser

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("--section", metavar="NAME", required=True)
args = parser.parse_args()
config = configparser.ConfigParser()
config.read(args.file)
print("\n".join(f"{key} = {value}" for key, value in config[args.section].items()))
