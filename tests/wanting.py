"""What becomes of a test where a server or a program that it needs is not there: skipped, in CI a failure."""

from __future__ import annotations

import os
import shutil

import pytest

CI = os.environ.get("CI", "") not in ("", "0", "false")


def need(missing: str) -> None:
    """Go on when nothing is missing; else end this test, with what is missing as the reason."""
    if missing:
        (pytest.fail if CI else pytest.skip)(missing)


def unless(able: bool, missing: str) -> pytest.MarkDecorator:
    """The same for a whole test or file, as a mark: in CI it runs, and fails for want of what it needs."""
    return pytest.mark.skipif(not able and not CI, reason=missing)


def program(name: str, package: str) -> tuple[str, str]:
    """The path of a program (as it is when there is none), and what is missing in that case."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    return (found, "") if found else (name, f"the package {package} is not installed")
