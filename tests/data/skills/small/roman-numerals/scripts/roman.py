"""Writes a number in Roman numerals."""

import argparse

parser = argparse.ArgumentParser()
parser.add_argument("number", type=int)
left, text = parser.parse_args().number, ""
signs = {
    1000: "M",
    900: "CM",
    500: "D",
    400: "CD",
    100: "C",
    90: "XC",
    50: "L",
    40: "XL",
    10: "X",
    9: "IX",
    5: "V",
    4: "IV",
    1: "I",
}
for value, sign in signs.items():
    text += sign * (left // value)
    left %= value
print(text)
