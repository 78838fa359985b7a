"""Converts a temperature between celsius, fahrenheit and kelvin."""

import argparse

parser = argparse.ArgumentParser()
parser.add_argument("amount", type=float)
parser.add_argument("unit", choices=["celsius", "fahrenheit", "kelvin"])
parser.add_argument("to", choices=["celsius", "fahrenheit", "kelvin"])
args = parser.parse_args()
celsius = {"celsius": args.amount, "fahrenheit": (args.amount - 32) / 1.8, "kelvin": args.amount - 273.15}[args.unit]
print(round({"celsius": celsius, "fahrenheit": celsius * 1.8 + 32, "kelvin": celsius + 273.15}[args.to], 2))
