"""Things plugged into the running device, and pulled out again."""

from pathlib import Path

from tests.boot.emulator.machine import Machine
from tests.boot.emulator.plugs import fat_stick, flash_disk, hold, network_stick, serial_cable
from tests.boot.emulator.waiting import patience


def test_a_serial_modem_appears_for_the_gateway_and_goes_away(virt: Machine) -> None:
    with serial_cable(virt):
        virt.console.eventually("test -c /dev/ttyUSB0 && udevadm settle")
        assert virt.console.run("stat -c '%G %a' /dev/ttyUSB0") == "dialout 660"
        assert virt.console.run("udevadm info -q property /dev/ttyUSB0 | grep ID_BUS") == "ID_BUS=usb"
    virt.console.eventually("test ! -e /dev/ttyUSB0")


def test_the_service_in_its_fences_can_have_usb_find_a_modem_anew(virt: Machine) -> None:
    fences = "nsenter -t $(systemctl show -P MainPID otppi) -m --"
    rights = "setpriv --reuid otppi --regid otppi --groups dialout --no-new-privs --bounding-set -all"
    with serial_cable(virt):
        virt.console.eventually("test -c /dev/ttyUSB0 && udevadm settle")
        file = virt.console.run("readlink -f /sys/class/tty/ttyUSB0/device/../..") + "/authorized"
        virt.console.run(f"{fences} {rights} sh -c 'echo 0 >{file}'")
        virt.console.eventually('test -z "$(ls /dev/ttyUSB* 2>/dev/null)"')
        virt.console.run(f"{fences} {rights} sh -c 'echo 1 >{file}'")
        virt.console.eventually("ls /dev/ttyUSB*")  # under a higher number where the old one was still held
    virt.console.eventually('test -z "$(ls /dev/ttyUSB* 2>/dev/null)"')


def test_bytes_go_through_to_the_far_end_and_back(virt: Machine) -> None:
    virt.console.run("systemctl stop otppi", patience(30))  # it would ask who is there
    with serial_cable(virt) as far_end:
        far_end.settimeout(patience(15))
        virt.console.eventually("test -c /dev/ttyUSB0")
        virt.console.run("stty -F /dev/ttyUSB0 115200 raw -echo && printf 'AT\\r' >/dev/ttyUSB0")
        with far_end.makefile("rb") as heard:
            assert heard.read(3) == b"AT\r"
        listen = "exec head --bytes 4 </dev/ttyUSB0 >/run/answer"
        virt.console.run(f'systemd-run --quiet --unit listener sh -c "{listen}"')
        virt.console.eventually("ls -l /proc/$(systemctl show -P MainPID listener)/fd | grep -q /dev/ttyUSB0")
        far_end.sendall(b"OK\r\n")
        assert virt.console.eventually("od -An -tx1 /run/answer | grep 0d") == " 4f 4b 0d 0a"
    virt.console.run("systemctl start otppi", patience(60))


def test_plugged_again_while_the_old_name_is_held_it_has_another(virt: Machine) -> None:
    with serial_cable(virt):
        virt.console.eventually("test -c /dev/ttyUSB0")
        hold(virt.console, "/dev/ttyUSB0")
    with serial_cable(virt):
        virt.console.eventually("test -c /dev/ttyUSB1")
    virt.console.run("systemctl stop holder")


def test_a_flash_disk_can_be_read(virt: Machine, tmp_path: Path) -> None:
    stick = fat_stick(tmp_path / "stick.img", {"otppi/hello.txt": "hello"})
    with flash_disk(virt, stick):
        virt.console.eventually("test -b /dev/sda")
        assert (
            virt.console.run("mount -o ro /dev/sda /mnt && cat /mnt/otppi/hello.txt; umount /mnt") == "hello"
        )


def test_a_stick_that_is_a_network_card_leaves_the_cable_its_settings(virt: Machine) -> None:
    stick = "grep -lE '^DRIVER=cdc_|^DRIVER=rndis_host' /sys/class/net/*/device/uevent | cut -d / -f 5"
    with network_stick(virt):
        card = virt.console.eventually(f"{stick} | grep .")
        # Whatever it is called, the firewall knows it for the mobile network.
        virt.console.eventually(f"grep -x 808 /sys/class/net/{card}/netdev_group")
        virt.console.eventually(
            f"nmcli -g GENERAL.STATE device show {card} | grep -E '^(1|[3-9])0'", patience(30)
        )
        fixed = "ethernet method=fixed ip_address=10.0.2.77 prefix=24 netmask=255.255.255.0"
        virt.console.run(f"cd / && runuser -u otppi -- otppi set {fixed}", patience(60))
        at = virt.console.eventually("ip -4 -o address show | grep 10.0.2.77/24", patience(60)).split()[1]
        assert at != card
        active = virt.console.run("nmcli -t -f NAME,DEVICE connection show --active").split("\n")
        assert f"OTP-Pi Ethernet:{at}" in active
