"""The image as a disk: its partitions, their file systems, and what lies beside it."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from tests.boot.emulator.card import Card, tool

MIB = 1024 * 1024


def test_a_fat_boot_partition_and_a_linux_root(card: Card, pi_os: bool) -> None:
    boot, root = card.partitions()
    size = (512 if pi_os else 256) * MIB
    assert (boot.kind, boot.start, boot.size) == ("c", 8 * MIB, size)
    assert (root.kind, root.start) == ("83", 8 * MIB + size)
    assert root.start + root.size == card.image.stat().st_size


def test_the_boot_file_system_is_clean(boot_partition: Path) -> None:
    tool("fsck.fat", "-n", boot_partition)


def test_the_root_file_system_is_clean(root_partition: str) -> None:
    tool("e2fsck", "-f", "-n", root_partition)


def test_the_kernel_is_told_this_images_root(card: Card, files: Path, tmp_path: Path) -> None:
    label = json.loads(tool("sfdisk", "--json", card.image))["partitiontable"]["id"].removeprefix("0x")
    assert f"root=PARTUUID={label}-02" in card.command_line(tmp_path).split()
    fstab = (files / "etc/fstab").read_text()
    assert f"PARTUUID={label}-01 /boot/firmware" in " ".join(fstab.split())
    assert "BOOTDEV" not in fstab and "ROOTDEV" not in fstab


def test_it_fits_the_smallest_card_and_leaves_room(card: Card, pi_os: bool, root_partition: str) -> None:
    if pi_os:
        assert card.image.stat().st_size < 3_900_000_000  # what is sold as 4 GB has a little less
    else:
        assert card.image.stat().st_size < 2000 * MIB
        assert card.image.stat().st_blocks * 512 < 1000 * MIB
    lines = tool("debugfs", "-R", "stats -h", root_partition).splitlines()
    counted = dict(line.split(":", 1) for line in lines if ":" in line)
    assert int(counted["Free blocks"]) * int(counted["Block size"]) > 150 * MIB


def test_the_firmware_is_told_of_the_clock_chip_and_the_watchdog(card: Card, tmp_path: Path) -> None:
    assert "include otppi.txt" in card.boot_file("config.txt", tmp_path).read_text().splitlines()
    told = card.boot_file("otppi.txt", tmp_path).read_text().splitlines()
    assert {"dtparam=i2c_arm=on", "dtoverlay=i2c-rtc,ds3231", "dtparam=watchdog=on"} <= set(told)


def test_the_block_map_belongs_to_this_image(card: Card) -> None:
    block_map = ElementTree.parse(card.image.with_suffix(".bmap"))
    assert int(block_map.findtext("ImageSize", "0")) == card.image.stat().st_size


def test_the_bill_of_materials_names_every_package(card: Card, files: Path) -> None:
    listed = json.loads(card.image.with_suffix(".spdx.json").read_text())["packages"]
    status = (files / "var/lib/dpkg/status").read_text()
    assert len(listed) == status.count("\nStatus: install ok installed\n") > 150
    assert "hostapd" in {package["name"] for package in listed}


def test_an_example_of_the_card_lies_beside_it(card: Card) -> None:
    assert "Set-up code" in card.image.with_suffix(".card-example.svg").read_text()
