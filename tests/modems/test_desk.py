"""What the pages ask of the modems."""

from __future__ import annotations

import threading

from app.modems.desk import Desk
from tests.modems.yard import Yard


def test_detect_waits_for_whoever_is_asking_at_the_port_just_now(yard: Yard) -> None:
    yard.simulated("a", imei="490154203237518")
    port = f"sim://{yard.name}-a"
    entered, leave = threading.Event(), threading.Event()

    def inspect() -> None:
        with yard.fleet.ports.taken(port):
            entered.set()
            leave.wait(60)

    inspector = threading.Thread(target=inspect)
    inspector.start()
    assert entered.wait(60)
    threading.Timer(0.3, leave.set).start()
    assert Desk(yard.fleet).detect(port)["imei"] == "490154203237518"
    inspector.join(60)
