"""Simulated Wi-Fi inside the guest: wlan0 is the device's, a station of ours has a namespace of its own."""

from dataclasses import dataclass

from tests.boot.emulator.console import Console
from tests.boot.emulator.waiting import patience

_IN = "ip netns exec station"
_LET_IN, _REFUSED = "CTRL-EVENT-CONNECTED", "pre-shared key may be incorrect"


def two_radios(guest: Console) -> "Station":
    """Loads the simulated radios and takes the second one away from the device, into a namespace."""
    guest.run("modprobe mac80211_hwsim radios=2")
    guest.eventually("test -e /sys/class/net/wlan0 && test -e /sys/class/net/wlan1")
    guest.run(
        "ip netns add station && iw phy $(cat /sys/class/net/wlan1/phy80211/name) set netns name station"
    )
    guest.run(f"{_IN} ip link set lo up && {_IN} ip link set wlan1 up")
    return Station(guest)


@dataclass(frozen=True)
class Station:
    """A telephone or laptop near the device."""

    guest: Console

    def join(self, name: str, password: str) -> bool:
        """Whether the access point lets it in; False when it says that the password is wrong."""
        self.leave()
        network = rf'network={{\n ssid="{name}"\n psk="{password}"\n key_mgmt=WPA-PSK\n}}\n'
        self.guest.run(f"printf '{network}' >/run/station.conf")
        files = "-c /run/station.conf -f /run/station.log -P /run/station.pid"
        self.guest.run(f"{_IN} wpa_supplicant -B -i wlan1 -D nl80211 {files}")
        verdict = self.guest.eventually(
            f"grep -m 1 -oE '{_LET_IN}|{_REFUSED}' /run/station.log", patience(30)
        )
        return verdict == _LET_IN

    def leave(self) -> None:
        # One that is still leaving would say good-bye to the access point in the name of the next.
        gone = "kill $pid; while kill -0 $pid 2>/dev/null; do sleep 0.2; done"
        self.guest.run(f"if pid=$(cat /run/station.pid); then {gone}; fi; rm -f /run/station.log")

    def lease(self) -> str:
        """Asks for an address as a telephone would; the address it was given, as a.b.c.d/n."""
        self.guest.run(f"{_IN} /usr/lib/klibc/bin/ipconfig -c dhcp -t 60 wlan1", patience(30))
        return self.guest.run(f"{_IN} ip -4 -o addr show wlan1 | awk '{{ print $4 }}'")

    def run(self, command: str, timeout: float = patience(30)) -> str:
        """The output of a program that runs on the telephone."""
        return self.guest.run(f"{_IN} {command}", timeout)

    def fetch(self, url: str, resolver: str = "") -> str:
        """The page behind url, redirections followed. resolver: the name server to ask."""
        names = f"/etc/netns/station && echo nameserver {resolver} >/etc/netns/station/resolv.conf"
        if resolver:
            self.guest.run(f"mkdir -p {names}")
        return self.guest.eventually(
            f"{_IN} curl --silent --fail --location --max-time 60 {url}", patience(30)
        )
