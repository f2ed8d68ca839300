"""What the package asks for is what the image's list installs, and nothing is asked for twice."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from app.system import network

TREE = Path(__file__).resolve().parents[2]
OVERLAY = TREE / "rootfs-overlay"


def control(field: str) -> set[str]:
    text = (TREE / "packaging/control").read_text().replace("\n ", " ")
    found = re.search(rf"^{field}: (.*)$", text, re.MULTILINE)
    assert found is not None
    return {re.sub(r"\(.*?\)", "", name).strip() for name in found[1].split(",")}


def stage() -> set[str]:
    text = (TREE / "image/stage-otppi/00-packages/00-packages-nr").read_text()
    return set(re.sub(r"#.*", "", text).split())


def test_everything_it_depends_on_is_in_the_image() -> None:
    assert control("Depends") - {"systemd", "tzdata"} <= stage()


def test_everything_of_the_image_is_named_by_the_package() -> None:
    assert stage() <= control("Depends") | control("Recommends") | control("Suggests")


def test_no_name_stands_twice() -> None:
    depends, recommends, suggests = control("Depends"), control("Recommends"), control("Suggests")
    assert not depends & recommends and not depends & suggests and not recommends & suggests


def test_every_unit_that_polkit_allows_exists() -> None:
    rules = (OVERLAY / "usr/share/polkit-1/rules.d/50-otppi.rules").read_text()
    units = set(re.findall(r'"([\w@-]+\.service)"', rules))
    there = {path.name for path in (OVERLAY / "usr/lib/systemd/system").iterdir()}
    assert {re.sub(r"@.*\.", "@.", unit) for unit in units} <= there


def test_units_that_the_service_may_start_do_nothing_on_somebodys_own_machine() -> None:
    rules = (OVERLAY / "usr/share/polkit-1/rules.d/50-otppi.rules").read_text()
    units = {re.sub(r"@.*\.", "@.", unit) for unit in re.findall(r'"([\w@-]+\.service)"', rules)}
    units = (units | {f"{name}.service" for name in re.findall(r'"(otppi-\w+@)"', rules)}) - {"otppi.service"}
    assert {"otppi-cleanup.service", "otppi-apply@.service", "otppi-dialup@.service"} <= units
    for unit in units:
        text = (OVERLAY / "usr/lib/systemd/system" / unit).read_text()
        assert "\nConditionPathExists=/etc/otppi/appliance\n" in text, unit


def test_the_package_enables_what_the_image_enables() -> None:
    preset = (OVERLAY / "usr/lib/systemd/system-preset/10-otppi.preset").read_text()
    ours = set(re.findall(r"^enable (otppi[\w.-]+)$", preset, re.MULTILINE))
    script = (TREE / "scripts/build-deb").read_text()
    listed = re.search(r"^enabled=\((.*?)\)", script, re.MULTILINE | re.DOTALL)
    assert listed is not None
    assert set(listed[1].split()) == ours


def test_a_purge_and_a_reset_delete_the_profile_that_the_settings_made() -> None:
    for script in (TREE / "packaging/postrm", OVERLAY / "usr/lib/otppi/libexec/stick"):
        assert f"nmcli connection delete {network.PROFILE} " in script.read_text()


def test_shell_that_runs_as_root_is_clean() -> None:
    for path in (OVERLAY / "usr/lib/otppi/libexec").iterdir():
        assert path.stat().st_mode & 0o111, path
        subprocess.run(["bash", "-n", path], check=True)
