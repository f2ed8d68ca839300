"""Simulated modems that write to each other."""

from __future__ import annotations

from hw.gsm.pdu import Deliver, Submit, decode, encode_submit
from hw.sim.air import Air
from hw.sim.card import numbered
from hw.sim.modem import SimModem
from hw.sim.plugs import Plugs, imei_of
from hw.sim.roaming import Roaming


def test_what_is_sent_to_the_number_of_a_sim_card_arrives_there_and_nowhere_else() -> None:
    plugs = Plugs(Air())
    modems = [SimModem(f"m{n}", air=plugs.air, card=numbered(n), imei=imei_of(n)) for n in range(3)]
    for modem in modems:
        plugs.plug_in(modem.name, modem)
    roaming = Roaming(plugs)
    roaming.start()
    for number in ("+62811000001", "+628999"):  # the card of m1, and somebody's telephone
        (part,) = encode_submit(number, "Halo")
        message = decode(part.hex, direction="MO")
        assert isinstance(message, Submit)
        plugs.air.carry("m0", message)
    roaming.stop()
    (kept,) = modems[1].card.kept.values()
    arrived = decode(kept.pdu)
    assert isinstance(arrived, Deliver)
    assert (arrived.address.number, arrived.text) == ("+62811000000", "Halo")
    assert not modems[0].card.kept and not modems[2].card.kept
