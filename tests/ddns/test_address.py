"""The public address: the device's own where it is public, else what look-up services say."""

from __future__ import annotations

import ipaddress

import pytest

from app.ddns.address import AddressUnknown, PublicAddresses, lasting6
from app.ddns.http import Http
from tests.ddns.servers import answering


def addresses(*services: str, own4: str | None = None, own6: str | None = None) -> PublicAddresses:
    return PublicAddresses(Http(seconds=3), services, services, lambda: own4, lambda: own6)


def test_an_own_address_that_is_public_needs_no_service() -> None:
    assert addresses(own4="9.9.9.9").find(4) == "9.9.9.9"
    assert addresses(own6="2a02:2F0::1").find(6) == "2a02:2f0::1"


@pytest.mark.parametrize("own", ["192.168.1.7", "10.0.0.1", "100.64.0.1", "169.254.1.1", "127.0.0.1", None])
def test_behind_a_router_the_services_are_asked(own: str | None) -> None:
    with answering("9.9.9.9\n") as server:
        assert addresses(server.url, own4=own).find(4) == "9.9.9.9"
    assert server.asked[0].headers["accept"] == "text/plain"


def test_the_next_service_is_asked_when_one_does_not_know() -> None:
    with (
        answering((503, "busy")) as down,
        answering("<html>10.0.0.1</html>") as page,
        answering("192.168.1.1") as private,
        answering("2a02:2f0::1") as other_family,
        answering(" 9.9.9.9 ") as right,
        answering("8.8.8.8") as not_asked,
    ):
        servers = (down, page, private, other_family, right, not_asked)
        assert addresses(*(one.url for one in servers)).find(4) == "9.9.9.9"
        assert [len(one.asked) for one in servers] == [1, 1, 1, 1, 1, 0]


def test_nobody_knows() -> None:
    with answering("192.168.1.1") as server:
        with pytest.raises(AddressUnknown) as caught:
            addresses(server.url).find(4)
        assert str(caught.value) == (
            f"the public IPv4 address is unknown: {server.url} gave no public IPv4 address"
        )
    with pytest.raises(AddressUnknown, match="cannot be reached: Connection refused"):
        addresses(server.url).find(4)
    with pytest.raises(AddressUnknown, match="no look-up service is set"):
        addresses().find(6)


# Two prefixes on eth0: the provider changed the first into the second; each with a temporary address.
TABLE = """\
00000000000000000000000000000001 01 80 10 80       lo
2a0202f00001000000000000000000aa 02 40 00 20     eth0
2a0202f00002000011112222333344ab 02 40 00 01     eth0
2a0202f00002000000000000000000aa 02 40 00 80     eth0
fd000000000000000000000000000001 02 40 00 80     eth0
fe8000000000000000000000000000aa 02 40 20 80     eth0
2a0202f00003000000000000000000bb 03 40 00 80    wlan0
"""


def test_the_lasting_address_of_the_new_prefix_is_taken() -> None:
    temporary = ipaddress.IPv6Address("2a02:2f0:2:0:1111:2222:3333:44ab")
    assert lasting6(TABLE, temporary) == "2a02:2f0:2::aa"


def test_without_a_lasting_address_the_temporary_one_has_to_do() -> None:
    source = ipaddress.IPv6Address("2a02:2f0:2:0:1111:2222:3333:44ab")
    only = "".join(line + "\n" for line in TABLE.splitlines() if " 01     eth0" in line)
    assert lasting6(only, source) == str(source)
