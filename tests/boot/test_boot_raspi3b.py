"""The unmodified image on an emulated Raspberry Pi 3B, driven by its serial port."""

from tests.boot.emulator.machine import Machine, patience, wait_until


def test_everything_started_and_nothing_failed(raspi3b: Machine) -> None:
    failed = raspi3b.console.run("systemctl --failed --no-legend --plain")
    assert (raspi3b.state, failed) == ("running", "")


def test_it_knows_which_board_it_is(raspi3b: Machine) -> None:
    assert raspi3b.console.run("tr -d '\\0' </proc/device-tree/model") == "Raspberry Pi 3 Model B"


def test_the_kernel_drives_the_clock_chip_and_took_the_time_from_it(raspi3b: Machine) -> None:
    assert raspi3b.console.run("cat /sys/class/rtc/rtc0/name") == "rtc-ds1307 1-0068"
    assert raspi3b.console.run("cat /sys/class/rtc/rtc0/hctosys") == "1"


def test_hwclock_reads_what_was_written(raspi3b: Machine) -> None:
    raspi3b.console.run("hwclock --set --date '2031-02-03 04:05:06' --utc")
    assert raspi3b.console.run("hwclock --get --utc").startswith("2031-02-03 04:05:")


def test_the_kernel_drives_the_boards_watchdog(raspi3b: Machine) -> None:
    identity = raspi3b.console.run("cat /sys/class/watchdog/watchdog0/identity")
    assert identity == "Broadcom BCM2835 Watchdog timer"


def test_the_buzzers_pin_is_seen_to_move_from_outside(raspi3b: Machine) -> None:
    for level in (1, 0, 1):
        raspi3b.console.run(f"systemd-run --quiet --unit pin gpioset --chip gpiochip0 26={level}")
        wait_until(lambda expected=level: raspi3b.pin(26) == expected, patience(10))
        raspi3b.console.run("systemctl stop pin")
