"""A person near the new device, card in hand: joins, makes the administrator, plugs in a modem, sends."""

import json
import re

import pytest

from hw.sim.air import Air
from hw.sim.card import numbered
from hw.sim.modem import SimModem
from tests.boot.browser import Application, Browser
from tests.boot.emulator.far_end import answering
from tests.boot.emulator.machine import Machine
from tests.boot.emulator.plugs import hold, serial_cable
from tests.boot.emulator.radio import Station, two_radios
from tests.boot.emulator.waiting import patience

ADMINISTRATOR = {"username": "ann", "password": "grey-otter-sings-42", "phone_number": "+628111222333"}
RECEIVER = "+6281212345678"


@pytest.fixture(scope="module")
def card_in_hand(virt: Machine) -> dict[str, str]:
    """What first boot wrote; the same stands on the boot partition as text and as a sheet to print."""
    card: dict[str, str] = json.loads(virt.console.eventually("cat /var/lib/otppi/card.json", patience(30)))
    return card


@pytest.fixture(scope="module")
def telephone(virt: Machine) -> Station:
    station = two_radios(virt.console)
    for unit in ("otppi-ap", "otppi-dhcpd", "otppi-dns"):
        virt.console.eventually(f"systemctl is-active {unit}", patience(60))
    return station


@pytest.fixture(scope="module")
def address(telephone: Station, card_in_hand: dict[str, str]) -> str:
    """Joined with the password of the card; the address that was given."""
    assert telephone.join(card_in_hand["ssid"], card_in_hand["password"])
    return telephone.lease()


@pytest.fixture(scope="module")
def browser(telephone: Station, address: str, card_in_hand: dict[str, str]) -> Browser:
    """Signed in as the administrator that was made with the set-up code of the card."""
    browser = Browser(telephone)
    page = browser.submit("/setup", "/setup", code=card_in_hand["setup_code"], **ADMINISTRATOR)
    assert "Country and time" in page
    return browser


@pytest.fixture(scope="module")
def application(browser: Browser) -> Application:
    """The company's server, with the API user that the fourth step of the set-up makes."""
    page = browser.submit("/start/api", "/start/api", username="shop")
    shown = re.search(r"curl -u (\w+):(\S+) ", page)
    assert shown is not None
    return Application(browser.station, shown[1], shown[2])


@pytest.fixture(scope="module")
def modem() -> SimModem:
    return SimModem("stick", make="huawei", air=Air(), card=numbered(7), imei="490154203237518")


def ready(browser: Browser, port: str) -> None:
    """Waits until the modem is up at this port."""
    browser.eventually("/part/modems", f"(?s)ready.*{port}", patience(60))


def code_in(text: str) -> str:
    return re.findall(r"\d{4,8}", text)[-1]


def goes_out_and_is_verified(application: Application, air: Air, reference: str) -> None:
    before = air.messages
    asked = application.ask(
        "request-otp", reference=reference, receiver=RECEIVER, message="Your code for the shop is %s"
    )
    assert asked["response_code"] == "0000", asked
    arrived = air.await_messages(before + 1, patience(30))[-1]
    assert arrived.number == RECEIVER
    assert arrived.text.startswith("Your code for the shop is ")
    wrong = application.ask("verify-otp", reference=reference, receiver=RECEIVER, otp="000")
    assert wrong["response_code"] != "0000"
    right = application.ask("verify-otp", reference=reference, receiver=RECEIVER, otp=code_in(arrived.text))
    assert right["response_code"] == "0000", right


def test_the_card_is_on_the_boot_partition(virt: Machine, card_in_hand: dict[str, str]) -> None:
    words = virt.console.run("cat /boot/firmware/otp-pi-card.txt")
    assert card_in_hand["ssid"] in words
    assert card_in_hand["password"] in words
    assert card_in_hand["setup_code"] in words


def test_networkmanager_leaves_the_radio_alone(virt: Machine, telephone: Station) -> None:
    assert "wlan0:unmanaged" in virt.console.run("nmcli -t -f DEVICE,STATE device").split("\n")


def test_a_wrong_password_is_refused(telephone: Station, card_in_hand: dict[str, str]) -> None:
    assert not telephone.join(card_in_hand["ssid"], "not-the-password")


def test_with_the_password_of_the_card_it_gets_an_address(address: str) -> None:
    given, length = address.split("/")
    assert given.startswith("192.168.0.") and length == "24"


def test_it_opens_the_pages_by_address_and_by_name(telephone: Station, address: str) -> None:
    assert "Welcome to OTP-Pi" in telephone.fetch("http://192.168.0.11:8888/")
    assert "Welcome to OTP-Pi" in telephone.fetch("http://otppi.lan:8888/", "192.168.0.11")


def test_another_set_up_code_makes_nobody_administrator(telephone: Station, address: str) -> None:
    page = Browser(telephone).submit("/setup", "/setup", code="0000-0000", **ADMINISTRATOR)
    assert "the code is wrong" in page
    assert "Welcome to OTP-Pi" in telephone.fetch("http://192.168.0.11:8888/")


def test_the_set_up_code_of_the_card_makes_the_administrator(browser: Browser) -> None:
    assert "ann" in browser.open("/")


def test_an_otp_goes_out_by_a_modem_that_is_plugged_in_and_again_under_its_next_name(
    virt: Machine, browser: Browser, application: Application, modem: SimModem
) -> None:
    with serial_cable(virt) as cable, answering(modem, cable):
        virt.console.eventually("test -c /dev/ttyUSB0")
        browser.eventually("/start/modems", "/dev/ttyUSB0", patience(30))
        page = browser.submit("/start/modems", "/start/modems", port="/dev/ttyUSB0")
        assert "was added" in page, page
        ready(browser, "/dev/ttyUSB0")
        goes_out_and_is_verified(application, modem.air, "login-1")
        hold(virt.console, "/dev/ttyUSB0")
    with serial_cable(virt) as cable, answering(modem, cable):
        virt.console.eventually("test -c /dev/ttyUSB1 && test ! -e /dev/ttyUSB0")
        ready(browser, "/dev/ttyUSB1")
        goes_out_and_is_verified(application, modem.air, "login-2")
    virt.console.run("systemctl stop holder")
    assert modem.air.duplicates == 0


def test_no_code_and_no_password_stands_in_the_journal(
    virt: Machine, modem: SimModem, application: Application
) -> None:
    secrets = [code_in(message.text) for message in modem.air.inbox()]
    secrets += [application.password, ADMINISTRATOR["password"]]
    for secret in secrets:
        assert not virt.console.succeeds(f"journalctl --unit otppi --no-pager | grep -F -- '{secret}'")
