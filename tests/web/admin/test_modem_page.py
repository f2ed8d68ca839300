"""The pages of a modem: connect, USSD, SIM card, IMEI, internet, arrivals, canary; each with its guard."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from app.core.events import Alarm, SimChanged
from app.modems.inspector import Notice, Offer
from app.modems.standing import Internet
from app.settings.modems import Modem
from app.settings.watching import Balance
from hw.sim.plugs import imei_of
from tests.web.admin.site import PASSWORD, Client, Site, eventually

MENU = {"*123#": ("1. Pulsa\n2. Paket", True), "1": "Pulsa Anda Rp 25.000.", "*888#": "Sisa pulsa Rp 4.500."}


def test_a_modem_tells_how_it_is_and_who_it_is(site: Site, ann: Client) -> None:
    words = ann.get("/modems/one/sim1").words
    assert site.modem("sim1").imei in words and "dBm" in words and "0 a minute" in words
    assert ann.get("/modems/one/nobody").status == 404
    vera = Client(site).sign_in("vera").get("/modems/one/sim1")
    assert vera.status == 200 and site.modem("sim1").imei not in vera.words


def test_a_modem_is_disconnected_and_connected_without_a_word_in_the_settings(
    site: Site, ann: Client
) -> None:
    assert ann.post("/modems/one/sim2", {"do": "disconnect"}).status == 303
    assert [lane.modem for lane in site.service.fleet.lanes()] == ["sim1"]
    assert "State disconnected" in ann.get("/modems/one/sim2").words
    assert "disconnected" in ann.get("/modems").words
    assert site.store.read(Modem).value["sim2"].active  # type: ignore[index,union-attr]
    site.store.put(Modem, "sim1", site.store.read(Modem).value["sim1"].model_copy(update={"revision": "x"}))  # type: ignore[index]
    eventually(lambda: site.service.settings.items(Modem)["sim1"].revision == "x")
    assert [lane.modem for lane in site.service.fleet.lanes()] == ["sim1"]  # other settings do not wake it
    ann.post("/modems/one/sim2", {"do": "disconnect"})
    assert "there is no active modem" in ann.get("/modems/one/sim2").words
    ann.post("/modems/one/sim2", {"do": "connect"})
    eventually(lambda: len(site.service.fleet.lanes()) == 2)
    eventually(lambda: "modem.disconnected" in ann.get("/system/audit").words)


def test_all_modems_are_stopped_and_started_as_a_service(site: Site, ann: Client) -> None:
    assert "Modems, SMS running" in ann.get("/").words
    ann.post("/services/modems.sms", {"do": "stop"})
    assert site.service.fleet.lanes() == []
    assert "Modems, SMS off" in ann.get("/").words
    assert "all modems were disconnected; connect one" in site.service.fleet.why_none()
    ann.post("/services/modems.sms", {"do": "start"})
    site.ready()


def test_a_ussd_menu_is_asked_answered_and_cancelled(site: Site, ann: Client) -> None:
    site.modem("sim1").menu.update(MENU)
    page = ann.post("/modems/ussd", {"do": "ask", "modem": "sim1", "code": "*123#"})
    assert "1. Pulsa 2. Paket" in page.words and "The network waits for an answer." in page.words
    page = ann.post("/modems/ussd", {"do": "answer", "modem": "sim1", "answer": "1"})
    assert "Pulsa Anda Rp 25.000." in page.words and "waits for an answer" not in page.words
    ann.post("/modems/ussd", {"do": "ask", "modem": "sim1", "code": "*123#"})
    assert "The session was ended." in ann.post("/modems/ussd", {"do": "cancel", "modem": "sim1"}).words
    refused = ann.post("/modems/ussd", {"do": "answer", "modem": "sim1", "answer": "1"})
    assert refused.status == 422 and "no USSD menu waits" in refused.words
    assert ann.post("/modems/ussd", {"do": "ask", "modem": "nobody", "code": "*1#"}).status == 422
    assert "*123#" not in ann.get("/system/audit").text


def test_an_operator_asks_the_network_and_a_viewer_does_not(site: Site) -> None:
    site.modem("sim1").menu.update(MENU)
    oscar = Client(site).sign_in("oscar")
    asked = oscar.post("/modems/ussd", {"do": "ask", "modem": "sim1", "code": "*888#"})
    assert "Sisa pulsa Rp 4.500." in asked.words
    assert Client(site).sign_in("vera").get("/modems/ussd").status == 403


def test_the_balance_is_shown_asked_and_warned_about(site: Site, ann: Client) -> None:
    site.modem("sim1").menu.update(MENU)
    site.store.put(Balance, "pulsa", Balance(name="pulsa", modem="sim1", threshold=10_000.0))
    eventually(lambda: "Ask now" in ann.get("/modems/ussd").words)
    ann.post("/modems/balance", {"modem": "sim1", "code": "*888#"})
    eventually(lambda: "4,500 low" in ann.get("/modems/ussd").words)
    assert "Sisa pulsa Rp 4.500." in ann.get("/modems/ussd").words
    assert "sim1: its balance is 4500, less than 10000: top it up" in ann.get("/modems/ussd").words
    wrong = ann.post("/modems/balance", {"modem": "sim1", "code": "*1#"})
    assert "no balance check of 'sim1' can be made now" in ann.get(wrong.location).words
    site.store.remove(Balance, "pulsa")


def family(fresh: Callable[..., Site], make: str) -> Site:
    site = fresh(modems=0)
    site.store.put(Modem, "sim1", Modem(name="sim1", port=f"sim://{site.home.name}sim1?family={make}"))
    return site.ready(1)


def test_the_pin_is_asked_for_changed_and_no_longer_asked_for(fresh: Callable[..., Site]) -> None:
    site = family(fresh, "sim800")
    ann = Client(site).sign_in()
    assert "Tries left 3" in ann.get("/modems/sim/sim1").words
    card = site.modem("sim1").card

    def kept() -> str:
        return site.store.read(Modem).value["sim1"].sim_pin  # type: ignore[index,union-attr,no-any-return]

    ann.post("/modems/sim/sim1", {"do": "lock", "pin": "1234"})
    assert (card.pin, kept()) == ("1234", "1234")
    site.ready(1)
    given = {"do": "change", "pin": "1234", "new": "98765", "again": "98764"}
    assert "was not typed twice the same" in ann.post("/modems/sim/sim1", given).words
    ann.post("/modems/sim/sim1", {**given, "again": "98765"})
    assert (card.pin, kept()) == ("98765", "98765")
    eventually(lambda: "yes" in ann.get("/modems/sim/sim1").words)
    refused = ann.post("/modems/sim/sim1", {"do": "unlock", "pin": "1111"})
    assert refused.status == 422 and "the SIM refused the PIN; 2 tries are left" in refused.words
    again = ann.post("/modems/sim/sim1", {"do": "unlock", "pin": "1111"})
    assert "this SIM refused this PIN before; it is not given again" in again.words and card.tries == 2
    ann.post("/modems/sim/sim1", {"do": "unlock", "pin": "98765"})
    assert (card.pin, kept()) == (None, "")
    eventually(lambda: "sim.lock_off sim1" in ann.get("/system/audit").words)
    audit = ann.get("/system/audit")
    assert "127.0.0.1 sim.pin_changed sim1" in audit.words
    assert not re.search(r"\b(1234|98765|1111)\b", audit.words)


def test_an_imei_is_written_with_password_and_confirmation_alone(fresh: Callable[..., Site]) -> None:
    site = family(fresh, "quectel")
    ann = Client(site).sign_in()
    before, new = site.modem("sim1").imei, imei_of(4242)
    assert "unlawful in many countries" in ann.get("/modems/imei/sim1").words
    good = {"imei": new, "typed": new, "password": PASSWORD, "lawful": "yes"}
    for changed, status, why in (
        ({"lawful": ""}, 422, "Say that the IMEI is this modem's own"),
        ({"password": "wrong"}, 403, "The password is wrong. Nothing was written."),
        ({"typed": before}, 422, "is another one; nothing was written"),
        ({"imei": new[:14] + "x", "typed": new[:14] + "x"}, 422, "an IMEI has 15 digits"),
    ):
        page = ann.post("/modems/imei/sim1", {**good, **changed})
        assert (page.status, why in page.words) == (status, True), page.words
        assert site.modem("sim1").imei == before
    assert ann.post("/modems/imei/sim1", good).location == "/modems/one/sim1"
    assert site.modem("sim1").imei == new
    eventually(lambda: f"127.0.0.1 imei.written sim1: {new}" in ann.get("/system/audit").words)


def test_only_an_administrator_reaches_sim_and_imei(site: Site) -> None:
    oscar = Client(site).sign_in("oscar")
    for path in ("/modems/sim/sim1", "/modems/imei/sim1"):
        assert oscar.get(path).status == 403 and oscar.post(path).status == 403
    assert oscar.post("/modems/one/sim1", {"do": "disconnect"}).status == 403


def test_the_way_to_the_internet_is_shown_with_its_traffic_and_hung_up(fresh: Callable[..., Site]) -> None:
    site = fresh(modems=1)
    site.store.put(
        Modem, "net", Modem(name="net", port="/dev/ttyNOPE0", internet_access=True, apn="internet")
    )
    eventually(lambda: "net" in site.service.fleet.standings())
    ann = Client(site).sign_in()
    eventually(lambda: "Internet" in ann.get("/modems/one/net").words)
    assert "Hang up" in ann.get("/modems/one/net").words
    assert "Modems, internet running" in ann.get("/").words
    ann.post("/modems/one/net", {"do": "disconnect"})
    assert "Dial" in ann.get("/modems/one/net").words and "closed" in ann.get("/modems/one/net").words
    ann.post("/services/modems.internet", {"do": "start"})
    assert "Hang up" in ann.get("/modems/one/net").words
    # As the dialler writes it once pppd has a connection, which this machine's kernel may not offer.
    standing = site.service.fleet.standings()["net"][1]
    standing.internet = Internet(True, "ppp0", "10.64.0.2", 1_800_000_000.0, 1_234_567, 89_000)
    words = ann.get("/modems/one/net").words
    assert "connected" in words and "ppp0 10.64.0.2" in words and "1.2 MB" in words and "89.0 kB" in words


def test_an_unknown_modem_is_offered_with_all_fields_filled_in(site: Site, ann: Client) -> None:
    inspector = site.service.exchange.inspector
    fields = {"port": "/dev/ttyUSB7", "baud_rate": 9600, "model": "SIM7600E", "imei": imei_of(77), "imsi": ""}
    inspector._offers["1-1.7"] = (imei_of(77), Offer("1-1.7", "/dev/ttyUSB7", fields))
    inspector._notices["1-1.8"] = Notice("1-1.8", "Huawei stick in HiLink mode", "it has no AT port")
    for path in ("/modems", "/part/modems"):
        page = ann.get(path)
        assert "A new modem: SIM7600E at /dev/ttyUSB7" in page.words
        assert "Huawei stick in HiLink mode (USB 1-1.8): it has no AT port" in page.words
    link = re.search(r'href="(/settings/modems/new\?[^"]+)"', ann.get("/modems/detect").text)
    assert link is not None
    form = ann.get(html.unescape(link[1])).text
    for name, value in (("imei", imei_of(77)), ("baud_rate", "9600"), ("port", "/dev/ttyUSB7")):
        assert re.search(rf'name="{name}"[^>]*value="{re.escape(value)}"', form), name
    del inspector._offers["1-1.7"], inspector._notices["1-1.8"]


def test_a_changed_sim_and_the_last_error_are_shown_and_noted(site: Site, ann: Client) -> None:
    announce = site.service.events.announce
    announce(SimChanged("sim2", "0042", "0017"))
    announce(Alarm("parked", "sim2", "sim2: the port is gone"))
    words = ann.get("/modems/one/sim2").words
    assert "sim2 has another SIM card now: 0042 instead of 0017" in words
    assert "sim2: the port is gone" in words
    eventually(lambda: "sim.changed" in ann.get("/system/audit").words)


def test_the_canary_is_shown(site: Site, ann: Client) -> None:
    from app.modems.canary import Flight

    canary = site.service.exchange.canary
    canary._note(Flight("sim1", "sim2", "t1", 0.0, 4.5))
    canary._note(Flight("sim2", "sim1", "t2", 0.0, None, True))
    words = ann.get("/modems").words
    assert "arrived sim1 → sim2 · 4.5 s to arrival" in words
    assert "lost sim2 → sim1" in words
    assert "lost sim2 → sim1" in ann.get("/modems/one/sim1").words
