"""Many modems on pseudo-terminals, served by one thread."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hw.errors import DeviceMissing, PortLost
from hw.gsm.modem import GsmModem
from hw.gsm.pdu import encode_submit
from hw.ports import open_port
from hw.sim.air import Air
from hw.sim.modem import SimModem
from hw.sim.pty import SimPtys


def test_sixty_four_modems_need_one_thread_and_no_time_while_idle() -> None:
    air = Air()
    threads = threading.active_count()
    with SimPtys() as ptys:
        modems = [SimModem(f"m{number}", air=air, delay=0.2) for number in range(64)]
        paths = [ptys.plug_in(modem) for modem in modems]
        assert threading.active_count() == threads + 1
        opened = [GsmModem.open(path) for path in paths]

        def send(number: int) -> float:
            opened[number].start()
            began = time.monotonic()
            opened[number].send_sms(encode_submit("+6281200000000", f"from {number}"))
            return time.monotonic() - began

        with ThreadPoolExecutor(64) as pool:
            took = list(pool.map(send, range(64)))
        assert min(took) >= 0.2
        assert {message.text for message in air.inbox()} == {f"from {number}" for number in range(64)}
        used = time.process_time()
        time.sleep(1.0)
        assert time.process_time() - used < 0.3
        for modem in opened:
            modem.close()


def test_a_pulled_modem_is_gone_and_comes_back_under_another_name(tmp_path: Path) -> None:
    modem = SimModem("m")
    with SimPtys() as ptys:
        path = ptys.plug_in(modem, tmp_path / "ttyUSB0")
        port = open_port(path)
        ptys.unplug(modem)
        with pytest.raises(PortLost):
            while True:
                port.read()
        port.close()
        with pytest.raises(DeviceMissing):
            open_port(path)
        assert ptys.path(modem) is None
        modem.power_up()
        again = ptys.plug_in(modem, tmp_path / "ttyUSB1")
        assert again == str(tmp_path / "ttyUSB1") and os.listdir(tmp_path) == ["ttyUSB1"]
        with GsmModem.open(again) as back:
            assert back.start().imei == modem.imei
    assert os.listdir(tmp_path) == []


def test_a_host_that_never_reads_does_not_stop_the_others() -> None:
    with SimPtys() as ptys:
        loud, quiet = SimModem("loud"), SimModem("quiet")
        ptys.plug_in(loud)
        path = ptys.plug_in(quiet)
        loud.endless_noise = True
        loud.say("x" * 1_000_000)
        with GsmModem.open(path) as modem:
            modem.start()
            assert modem.signal().value == 20
