"""``make bench``: a table of speed and memory, with the targets, and how others did on a like machine."""

from __future__ import annotations

import argparse
import os
import platform
import sys

from bench.brokers import brokers
from bench.cases import CASES as HOUSE

CASES = {**HOUSE, "brokers": brokers}

OTHERS = """
For comparison, on a like machine:
  the earlier Java system   1.64 messages/s whatever the number of modems; request-otp 35/s at 10,000 live
                            references; verify 4.3 s behind 8 senders; 86 MB idle, 330 to 530 MB after load
  smstools, tuned           4.1 messages/s at no delay, 18/s with 8 modems at 200 ms; 227 to 243 ms own time
  gammu-smsd                602 to 713 ms own time a message
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m bench", description=__doc__)
    parser.add_argument("case", nargs="*", metavar="CASE", help=f"only these of: {', '.join(CASES)}")
    chosen = parser.parse_args().case or list(CASES)
    load = ", ".join(f"{figure:.1f}" for figure in os.getloadavg())
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load}\n")
    missed = 0
    for name in chosen:
        for row in CASES[name]():
            limit = "" if row.limit is None else f"{'≥' if row.least else '≤'} {row.limit:g}"
            mark = "" if row.limit is None else "met" if row.met else "MISSED"
            print(f"{row.name:<52} {row.figure:>9.1f} {row.unit:<11} {limit:>8}  {mark}", flush=True)
            missed += not row.met
    print(OTHERS)
    print(f"{missed} target{'s' if missed != 1 else ''} missed" if missed else "all targets met")
    return 0


if __name__ == "__main__":
    sys.exit(main())
