"""The stage folders as pi-gen will read them, and the runner that reads them here."""

import subprocess
from pathlib import Path

import pytest

from tests.wanting import need, program

TREE = Path(__file__).parents[2]
STAGES = sorted((TREE / "image").glob("**/stage-*"))
SHELL = [
    path
    for folder in ("image", "scripts")
    for path in sorted((TREE / folder).rglob("*"))
    if path.is_file() and path.read_bytes().startswith((b"#!/bin/bash", b"# shellcheck shell=bash"))
]


def run(*command: str | Path, cwd: Path = TREE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, cwd=cwd, check=False, timeout=300
    )


def test_the_stages_are_there() -> None:
    assert [stage.name for stage in STAGES] == ["stage-base", "stage-otppi", "stage-slot"]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_pi_gen_would_skip_no_step_for_a_missing_executable_bit(stage: Path) -> None:
    steps = [*stage.glob("prerun.sh"), *stage.glob("*/[0-9][0-9]-run.sh")]
    assert steps
    assert [step for step in steps if not step.stat().st_mode & 0o111] == []


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_every_file_of_a_sub_stage_has_a_name_pi_gen_knows(stage: Path) -> None:
    kinds = {"debconf", "packages", "packages-nr", "run.sh", "run-chroot.sh"}
    for file in stage.glob("*/*"):
        number, _, kind = file.name.partition("-")
        assert file.name == "files" or (len(number) == 2 and number.isdigit() and kind in kinds), file


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_what_runs_inside_sets_its_own_options(stage: Path) -> None:
    """Both runners feed it to `bash -e`: the options of its first line count for nothing."""
    for script in stage.glob("*/[0-9][0-9]-run-chroot.sh"):
        assert "\nset -eu -o pipefail\n" in script.read_text(), script


def test_only_the_products_stage_becomes_an_image() -> None:
    assert [stage.name for stage in STAGES if (stage / "EXPORT_IMAGE").exists()] == ["stage-otppi"]


def test_shellcheck_has_nothing_to_say() -> None:
    assert len(SHELL) > 10
    shellcheck, missing = program("shellcheck", "shellcheck")
    need(missing)
    checked = run(shellcheck, "-x", *SHELL)
    assert checked.returncode == 0, checked.stdout


def test_no_mirror_is_named_anywhere() -> None:
    named = run(
        "grep", "-rnIE", r"https?://[^/ ]+/debian", "image", "scripts", "rootfs-overlay", "pi-gen-config"
    )
    assert named.stdout == ""


def test_the_configuration_leaves_no_password_anybody_knows() -> None:
    twice = [run("bash", "-c", ". ./pi-gen-config; echo $FIRST_USER_PASS").stdout.strip() for _ in range(2)]
    assert len(twice[0]) >= 24 and twice[0] != twice[1]


def test_the_configuration_has_what_pi_gen_insists_on() -> None:
    names = (
        "IMG_NAME",
        "RELEASE",
        "TARGET_HOSTNAME",
        "WPA_COUNTRY",
        "DISABLE_FIRST_BOOT_USER_RENAME",
        "ENABLE_SSH",
    )
    echoed = run("bash", "-euc", ". ./pi-gen-config; echo " + " ".join(f"${name}" for name in names))
    assert echoed.stdout.split() == ["otp-pi", "trixie", "otp-pi", "DE", "1", "0"]
