"""``python3 -m hw.sim``: simulated modems on pseudo-terminals in a process of their own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hw.sim.air import Air
from hw.sim.card import numbered
from hw.sim.control import Control
from hw.sim.families import FAMILIES
from hw.sim.modem import SimModem
from hw.sim.plugs import imei_of
from hw.sim.pty import SimPtys


def main(arguments: list[str] | None = None) -> int:
    """Print one JSON line with the modems' paths, then obey JSON lines until the input ends."""
    parser = argparse.ArgumentParser(prog="python3 -m hw.sim", description=__doc__)
    parser.add_argument("--modems", type=int, default=1, help="how many (default: 1)")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="from Ctrl-Z to +CMGS (default: 0)")
    parser.add_argument("--family", choices=sorted(FAMILIES), default="generic")
    parser.add_argument("--pin", help="SIM PIN (default: none is asked)")
    parser.add_argument(
        "--noise-every", type=int, default=0, help="noise with every n-th answer (default: 0)"
    )
    parser.add_argument("--links", type=Path, help="folder for links with the modems' names: sim1, sim2, …")
    options = parser.parse_args(arguments)
    if options.links is not None:
        options.links.mkdir(parents=True, exist_ok=True)
    air = Air()
    modems: dict[str, SimModem] = {}
    with SimPtys() as ptys:
        for index in range(options.modems):
            name = f"sim{index + 1}"
            card = numbered(index)
            card.pin = options.pin
            modems[name] = SimModem(
                name,
                make=options.family,
                air=air,
                card=card,
                imei=imei_of(index),
                delay=options.delay_ms / 1000,
                noise_every=options.noise_every,
            )
            ptys.plug_in(modems[name], options.links / name if options.links else None)
        Control(modems, air, ptys, options.links).serve(sys.stdin, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
