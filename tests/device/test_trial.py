"""A change that may cut the administrator off goes back unless somebody who gets through confirms it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings.network import Dhcp, FirewallRule, Wlan
from app.settings.problems import Refused
from app.settings.store import SettingsStore
from app.system.trial import FILE, Trial
from tests.house import HandClock

OLD, NEW = Wlan(password="correct horse", channel=6), Wlan(password="correct horse", channel=11)


class Desk:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.clock = HandClock()
        self.store = SettingsStore(home)
        self.store.save(Wlan, OLD)
        self.trial = Trial(self.store, home, self.clock)

    @property
    def channel(self) -> int:
        return self.store.load().settings.one(Wlan).channel


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_it_is_in_force_at_once_and_goes_back_after_a_minute(desk: Desk) -> None:
    desk.trial.save({Wlan: NEW})
    assert (desk.channel, desk.trial.left) == (11, 60.0)
    desk.clock.advance(59)
    assert desk.trial.tick() == []
    assert desk.channel == 11
    desk.clock.advance(2)
    assert desk.trial.tick() == ["wlan"]
    assert (desk.channel, desk.trial.left) == (6, 0.0)
    assert not (desk.home / FILE).exists()


def test_it_stays_once_confirmed(desk: Desk) -> None:
    desk.trial.save({Wlan: NEW})
    assert desk.trial.confirm()
    desk.clock.advance(1000)
    assert desk.trial.tick() == []
    assert desk.channel == 11
    assert not desk.trial.confirm()


def test_a_step_of_the_wall_clock_changes_nothing_about_the_minute(desk: Desk) -> None:
    desk.trial.save({Wlan: NEW})
    desk.clock.step_wall(86_400)
    assert desk.trial.tick() == []
    assert desk.channel == 11


def test_a_power_cut_ends_the_trial(desk: Desk) -> None:
    desk.trial.save({Wlan: NEW})
    again = Trial(SettingsStore(desk.home), desk.home, HandClock())
    assert again.resume() == ["wlan"]
    assert desk.channel == 6


def test_a_second_change_joins_and_both_go_back(desk: Desk) -> None:
    desk.trial.save({Wlan: NEW})
    desk.clock.advance(50)
    rule = FirewallRule(name="x", port=22, state="closed")
    desk.trial.save({FirewallRule: {"x": rule}, Dhcp: Dhcp(default_lease_time=600)})
    assert desk.trial.left == 60.0
    desk.clock.advance(61)
    assert set(desk.trial.tick()) == {"wlan", "firewall", "dhcp"}
    settings = desk.store.load().settings
    assert desk.channel == 6
    assert dict(settings.items(FirewallRule)) == {}
    assert settings.one(Dhcp).default_lease_time == 3600


def test_a_change_that_is_refused_leaves_no_trial(desk: Desk) -> None:
    wrong = Dhcp.model_construct(**{**Dhcp().model_dump(), "ranges": ("10.0.0.1-10.0.0.9",)})
    with pytest.raises(Refused):
        desk.trial.save({Dhcp: wrong})
    assert not (desk.home / FILE).exists()
    assert desk.trial.tick() == []


def test_another_process_may_begin_and_confirm(desk: Desk) -> None:
    elsewhere = Trial(SettingsStore(desk.home), desk.home, HandClock())
    elsewhere.save({Wlan: NEW})
    assert desk.trial.tick() == []
    assert desk.trial.left == 60.0
    elsewhere.confirm()
    desk.clock.advance(61)
    assert desk.trial.tick() == []
    assert desk.channel == 11


def test_the_file_with_what_was_before_is_nobody_elses(desk: Desk) -> None:
    desk.trial.save({Wlan: NEW})
    assert (desk.home / FILE).stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_of_before_ends_the_trial(desk: Desk) -> None:
    desk.trial.save({Wlan: NEW})
    (desk.home / FILE).write_text("{")
    desk.clock.advance(61)
    assert desk.trial.tick() == []
    assert not (desk.home / FILE).exists()
