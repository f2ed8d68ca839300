"""A change of the settings reaches every part, whatever becomes of one of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings.general import General
from tests.web.admin.site import Site, eventually


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    one = Site(tmp_path, modems=0)
    yield one
    one.close()


def broken() -> None:
    raise RuntimeError("unforeseen")


def test_a_part_that_fails_keeps_the_change_from_nobody_else(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(site.service.doors, "renew", broken)  # between the OTP policy and the device
    for name, digits in (("Branch", 8), ("Office", 7)):
        site.store.save(General, General(device_name=name, otp_digits=digits))
        eventually(lambda name=name: any(f"'{name}'" in note for note in site.system.notes))  # type: ignore[misc]
        assert site.service.intake.otp.policy.digits == digits
    assert (
        "the settings of general changed; a part did not take them: an unforeseen RuntimeError" in caplog.text
    )


def test_the_watchdog_asks_whoever_puts_settings_in_force(site: Site) -> None:
    assert site.service.watchdog.ill() == ""
    site.service.device.stop()
    assert site.service.watchdog.ill() == "device: the thread of device has ended"
    site.service._stopping.set()
    site.service._watching.join(20)
    assert site.service.watchdog.ill() == "settings: the thread of settings has ended"
