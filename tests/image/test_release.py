"""The scripts alone: what lies beside an image, where finished roots are kept, which package goes in."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.wanting import need, program

TREE = Path(__file__).parents[2]

STATUS = """Package: libstdc++6
Status: install ok installed
Maintainer: Somebody <somebody@example.org>
Architecture: arm64
Version: 1:14.2.0-19~deb13u1+b1

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1
"""


def bash(script: str, build: Path, *more: Path) -> subprocess.CompletedProcess[str]:
    """A script with the scripts' own functions; `more` comes first in PATH."""
    return subprocess.run(
        ["bash", "-euc", f"set -o pipefail; . scripts/lib/common.sh; {script}"],
        env=os.environ
        | {
            "OTPPI_BUILD": str(build),
            "OTPPI_CACHE": str(build / "cache"),
            "PATH": ":".join([*map(str, more), os.environ["PATH"]]),
        },
        cwd=TREE, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_a_package_url_has_a_plus_encoded_and_leaves_epoch_and_tilde(tmp_path: Path) -> None:
    (tmp_path / "status").write_text(STATUS)
    done = subprocess.run(
        [sys.executable, TREE / "scripts/sbom", tmp_path / "status", "image"], capture_output=True, check=True
    )
    (package,) = json.loads(done.stdout)["packages"]
    assert (package["name"], package["versionInfo"]) == ("libstdc++6", "1:14.2.0-19~deb13u1+b1")
    assert package["externalRefs"][0]["referenceLocator"] == (
        "pkg:deb/debian/libstdc%2B%2B6@1:14.2.0-19~deb13u1%2Bb1?arch=arm64"
    )


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image that is not one, its packed file, and a bmaptool that takes what comes."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/bmaptool").write_text('#!/bin/sh\necho "map of $5" >"$4"\n')
    (tmp_path / "bin/bmaptool").chmod(0o755)
    (tmp_path / "status").write_text(STATUS)
    (tmp_path / "otp-pi-1.0.img").write_text("image")
    (tmp_path / "otp-pi-1.0.img.xz").write_text("packed")
    return tmp_path / "otp-pi-1.0.img"


RELEASE = ". scripts/lib/release.sh; describe_image {0} {1}/status; release_image {0}"


def test_the_checksums_are_of_what_belongs_to_the_image_and_not_of_themselves(image: Path) -> None:
    for _ in range(2):  # a second build finds the files of the first
        done = bash(RELEASE.format(image, image.parent), image.parent, image.parent / "bin")
        assert done.returncode == 0, done.stderr
    sums = (image.parent / "otp-pi-1.0.sha256").read_text().splitlines()
    assert [line.split()[1] for line in sums] == [
        "otp-pi-1.0.img.xz", "otp-pi-1.0.bmap", "otp-pi-1.0.spdx.json", "otp-pi-1.0.card-example.svg",
    ]  # fmt: skip
    checked = subprocess.run(["sha256sum", "-c", "otp-pi-1.0.sha256"], cwd=image.parent, capture_output=True)
    assert checked.returncode == 0


def test_an_image_without_its_block_map_is_no_release(image: Path) -> None:
    (image.parent / "bin/bmaptool").write_text("#!/bin/sh\n")
    done = bash(RELEASE.format(image, image.parent), image.parent, image.parent / "bin")
    assert done.returncode != 0
    assert "there is no otp-pi-1.0.bmap" in done.stderr
    assert not (image.parent / "otp-pi-1.0.sha256").exists()


def test_the_package_of_this_tree_goes_into_the_image_and_not_the_highest(tmp_path: Path) -> None:
    stage = tmp_path / "tree/image/stage-otppi/02-gateway"
    stage.mkdir(parents=True)
    shutil.copy(TREE / "image/stage-otppi/02-gateway/00-run.sh", stage)
    (tmp_path / "tree/app").mkdir()
    (tmp_path / "tree/app/__init__.py").write_text('"""The gateway."""\n\n__version__ = "1.2.0"\n')
    (tmp_path / "tree/dist").mkdir()
    for version in ("1.2.0", "9.9.9"):
        (tmp_path / f"tree/dist/otp-pi_{version}_all.deb").write_text(version)
    (tmp_path / "root/root").mkdir(parents=True)
    subprocess.run(
        [stage / "00-run.sh"], cwd=stage, check=True, env=os.environ | {"ROOTFS_DIR": str(tmp_path / "root")}
    )
    assert (tmp_path / "root/root/otp-pi.deb").read_text() == "1.2.0"


@pytest.fixture
def zstd() -> None:
    need(program("zstd", "zstd")[1])


@pytest.mark.usefixtures("zstd")
def test_a_root_that_was_not_finished_is_not_kept(tmp_path: Path) -> None:
    archive = tmp_path / "cache/root.tar.zst"
    done = bash(f". scripts/lib/cache.sh; keep {archive} sh -c 'echo half; false'", tmp_path)
    assert done.returncode != 0
    assert list(archive.parent.iterdir()) == []


@pytest.mark.usefixtures("zstd")
def test_a_kept_root_comes_back_and_a_damaged_one_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made/file").write_text("content" * 1000)
    archive, root = tmp_path / "cache/root.tar.zst", tmp_path / "root"
    script = f". scripts/lib/cache.sh; keep {archive} tar -c -C {tmp_path}/made .; unpack {archive} {root}"
    assert bash(script, tmp_path).returncode == 0
    assert (root / "file").read_text() == "content" * 1000
    assert [path.name for path in archive.parent.iterdir()] == ["root.tar.zst"]

    archive.write_bytes(archive.read_bytes()[:-20])
    done = bash(f". scripts/lib/cache.sh; unpack {archive} {root} || echo anew", tmp_path)
    assert done.stdout == "anew\n"
    assert not archive.exists()
    assert not root.exists()
