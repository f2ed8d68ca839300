"""The far end of a serial cable: a simulated modem of ours on the host, where no power is cut."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hw.sim.modem import SimModem
from tests.boot.emulator.waiting import patience

_CHUNK = 65536
_TICK = 0.5


@contextmanager
def answering(modem: SimModem, cable: socket.socket) -> Iterator[SimModem]:
    """The modem, switched on and served over the cable by a thread of its own while the block runs."""
    modem.power_up()
    wake_r, wake_w = socket.socketpair()
    stopping = threading.Event()

    def wake() -> None:
        wake_w.send(b".")

    def serve() -> None:
        cable.settimeout(patience(15))
        while not stopping.is_set():
            due = modem.next_due()
            wait = _TICK if due is None else min(max(due - modem.steady(), 0.0), _TICK)
            readable, _, _ = select.select([cable, wake_r], [], [], wait)
            try:
                if wake_r in readable:
                    wake_r.recv(_CHUNK)
                if cable in readable:
                    heard = cable.recv(_CHUNK)
                    if not heard:
                        return
                    modem.receive(heard)
                if said := modem.take(modem.steady()):
                    cable.sendall(said)
            except OSError:
                return  # the machine at the other end has lost its power

    thread = threading.Thread(target=serve, name="far-end", daemon=True)
    modem.on_output = wake
    thread.start()
    try:
        yield modem
    finally:
        modem.on_output = None
        stopping.set()
        wake()
        thread.join(5)
        wake_r.close()
        wake_w.close()
