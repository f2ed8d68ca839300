"""A modem as the way to the internet: the unit that dials, as far as a kernel without PPP goes, and beyond it
with a program in pppd's place that makes the network card which the kernel would make."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.gateway import Modems
from tests.system.machine import Machine, machine, until

UNIT = "'otppi-dialup@up\\x2dlink:ttyUSB7.service'"
PASSWORD = "four green horses"
# What is kept of what it was given is for root alone, like what it was given.
STANDS_FOR_PPPD = r"""#!/bin/bash
case "$*" in *dryrun*) exec /usr/sbin/pppd.real "$@" ;; esac
mkdir -p /run/pppd-test; cp -a "$2" "${2%.options}.chat" /run/pppd-test
grep -E '^Cap|^NoNew|^Uid' /proc/self/status > /run/pppd-test/rights
if [ -e /run/refuse ]; then exit "$(cat /run/refuse)"; fi
card=$(sed -n 's/^ifname //p' "$2")
trap 'ip link del "$card"; exit 5' TERM
ip link add "$card" type veth peer name far-end && ip link set "$card" up
while true; do sleep 0.2; done
"""


@pytest.fixture(scope="module")
def calling() -> Iterator[Machine]:
    """A device of its own, with a modem that answers before it is dialled with."""
    with machine() as device:
        device.booted()
        device.settled("otppi.service")
        modem = Modems(device, known=False)
        # Not a link: who dials asks where the port leads, and a pseudo-terminal may not be dialled with.
        device(f"touch /dev/ttyUSB7 && mount --bind {modem.paths[0]} /dev/ttyUSB7")
        yield device
        modem.close()


def dial(device: Machine) -> None:
    device.set(
        "modems/up-link", "port=/dev/ttyUSB7", "internet_access=on", "apn=internet", "apn_username=wap",
        f"apn_password={PASSWORD}", "dial_number=*99#",
    )  # fmt: skip


def hang_up(device: Machine) -> None:
    device("runuser -u otppi -- otppi delete modems/up-link")
    until(lambda: device.show(UNIT, "ActiveState") in ("inactive", "failed"), "nobody dials any more")


def told(device: Machine, words: str) -> None:
    until(lambda: words in device.journal("otppi.service", 200), f"the gateway says {words!r}")


def test_the_real_pppd_takes_the_files_and_says_what_this_kernel_lacks(calling: Machine) -> None:
    dial(calling)
    told(calling, "modem up-link, internet: trouble")
    said = calling.journal("otppi.service")
    assert "pppd would not take the settings" not in said
    if not Path("/dev/ppp").exists():
        assert "the kernel has no PPP; dialled again in" in said
    hang_up(calling)
    assert calling("ls /run/otppi-dialup") == "up\\x2dlink:ttyUSB7.ended"
    assert calling("systemctl list-units --failed --no-legend") == ""


@pytest.fixture(scope="module")
def with_card(calling: Machine) -> Machine:
    calling("mv /usr/sbin/pppd /usr/sbin/pppd.real")
    calling(f"cat > /usr/sbin/pppd <<'END'\n{STANDS_FOR_PPPD}END\nchmod 755 /usr/sbin/pppd")
    # Without PPP in the kernel its check ends with 4; both mean that the file is right.
    return calling


def test_a_call_comes_up_with_files_for_root_alone_and_least_rights(with_card: Machine) -> None:
    dial(with_card)
    told(with_card, "modem up-link, internet: ready")
    assert "ppp-up-link" in with_card("ip -br link")
    for kind in ("options", "chat"):
        file = f"'/run/pppd-test/up\\x2dlink:ttyUSB7.{kind}'"
        assert with_card(f"stat -c '%U %a' {file}") == "root 600"
        assert (PASSWORD in with_card(f"cat {file}")) == (kind == "options")
    rights = with_card("cat /run/pppd-test/rights")
    # CAP_DAC_OVERRIDE, CAP_NET_ADMIN and CAP_NET_RAW; capabilities(7)
    assert re.search(r"^CapBnd:\s0000000000003002$", rights, re.MULTILINE), rights
    assert re.search(r"^NoNewPrivs:\s1$", rights, re.MULTILINE)
    assert PASSWORD not in with_card("journalctl --boot --no-pager; ps -ef")
    hang_up(with_card)
    assert "ppp-up-link" not in with_card("ip -br link")
    assert PASSWORD not in with_card("cat /run/otppi-dialup/*")


def test_why_a_call_ended_reaches_the_gateway_which_dials_again(with_card: Machine) -> None:
    with_card("echo 19 > /run/refuse")
    dial(with_card)
    told(with_card, "the operator refused user name or password; dialled again in")
    with_card("rm /run/refuse")
    told(with_card, "modem up-link, internet: ready")
    hang_up(with_card)


def test_no_call_goes_on_when_the_gateway_is_gone(with_card: Machine) -> None:
    dial(with_card)
    until(lambda: "ppp-up-link" in with_card("ip -br link"), "the call is up")
    with_card("systemctl stop otppi.service")
    until(lambda: "ppp-up-link" not in with_card("ip -br link"), "the call was ended")
    with_card("systemctl start otppi.service")
    until(lambda: "ppp-up-link" in with_card("ip -br link"), "it dials again")
    hang_up(with_card)


def test_root_dials_only_what_the_settings_say(with_card: Machine) -> None:
    """The service may start the unit for any name; root finds no such modem and says so."""
    process = with_card.show("otppi.service", "MainPID")
    rights = "--reuid otppi --regid otppi --clear-groups --no-new-privs --bounding-set -all"
    ask = (
        "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager "
        "RestartUnit ss otppi-dialup@other:ttyUSB7.service replace"
    )
    with_card(f"nsenter -t {process} -m -- setpriv {rights} -- {ask}")
    until(
        lambda: (
            with_card("cat /run/otppi-dialup/other:ttyUSB7.ended", check=False)
            == "there is no active modem other that gives internet access"
        ),
        "it says why",
    )
