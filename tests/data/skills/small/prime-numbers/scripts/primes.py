"""Lists the prime numbers up to a limit."""

import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--limit", metavar="N", type=int, required=True)
limit = parser.parse_args().limit
print(*[n for n in range(2, limit + 1) if all(n % d for d in range(2, n))])
