"""A backup is one file; a restore changes everything or nothing, and can be looked at first."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from app.settings import backup
from app.settings.api import Api, ApiUser
from app.settings.general import General
from app.settings.modems import Modem
from app.settings.problems import Refused
from app.settings.sections import SECTIONS
from app.settings.sms import Sms
from app.settings.store import SettingsStore

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$c29tZWhhc2g"


@pytest.fixture
def store(tmp_path: Path) -> SettingsStore:
    store = SettingsStore(tmp_path / "one")
    store.save(Api, Api(http_port=8000))
    store.put(Modem, "m1", Modem(name="m1", port="sim://a", sim_pin="4711"))
    store.put(ApiUser, "shop", ApiUser(username="shop", password=HASH))
    return store


def saved(store: SettingsStore) -> bytes:
    return backup.document(store, store.load(), made=1_700_000_000)


def changed(content: bytes, **sections: object) -> bytes:
    """The backup with other sections in it and a checksum that fits, as a careful editor would make it."""
    whole = json.loads(content)
    whole["sections"].update(sections)
    whole["checksum"] = backup._checksum(whole["sections"])
    return json.dumps(whole).encode()


def test_a_backup_restores_another_device(store: SettingsStore, tmp_path: Path) -> None:
    other = SettingsStore(tmp_path / "two")
    backup.restore(other, saved(store))
    assert other.load().problems == ()
    for section in store.sections:
        assert other.read(section).value == store.read(section).value


def test_a_backup_says_what_it_is(store: SettingsStore) -> None:
    whole = json.loads(saved(store))
    assert (whole["format"], whole["version"]) == ("OTP-Pi settings", 1)
    assert whole["made"] == "2023-11-14T22:13:20+00:00"
    assert list(whole["sections"]) == [section.about.name for section in SECTIONS]
    assert whole["sections"]["api_users"]["shop"]["password"] == HASH
    assert whole["sections"]["modems"]["m1"]["sim_pin"] == "4711"


def test_a_backup_file_is_for_its_owner_only(store: SettingsStore, tmp_path: Path) -> None:
    target = tmp_path / "backup.json"
    target.write_text("older, readable by everybody")
    os.chmod(target, 0o644)
    backup.write(target, saved(store))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert target.read_bytes() == saved(store)


def test_what_would_change_is_told_without_secrets_and_without_changing(store: SettingsStore) -> None:
    content = saved(store)
    store.save(Api, Api(http_port=8001))
    store.put(Modem, "m1", Modem(name="m1", port="sim://b", sim_pin="0815"))
    store.put(Modem, "m2", Modem(name="m2", port="sim://c"))
    before = {section: store.read(section).revision for section in store.sections}
    plan = backup.plan(store, content)
    assert [str(change) for change in plan.changes] == [
        "api.http_port: 8001 → 8000",
        "modems/m1.port: sim://b → sim://a",
        "modems/m1.sim_pin: (set) → (changed)",
        "modems/m2: removed",
    ]
    assert plan.problems == ()
    assert {section: store.read(section).revision for section in store.sections} == before


def test_a_restore_with_problems_changes_nothing_and_tells_all(store: SettingsStore) -> None:
    content = changed(
        saved(store),
        api={"http_port": 8002, "https_port": 0},
        sms={"country_code": "abc"},
        modems={"m1": {"port": "COM3"}},
        fax={"speed": 1},
    )
    before = {section: store.read(section).revision for section in store.sections}
    with pytest.raises(Refused) as refused:
        backup.restore(store, content)
    assert [str(problem) for problem in refused.value.problems] == [
        "api.https_port: 0 is out of range: 1 to 65535",
        "sms.country_code: 'abc' is not a country code such as 62",
        "modems/m1.port: 'COM3' is not a serial port such as /dev/ttyUSB0 (a full path, or sim://NAME)",
        "backup: 'fax' is not a section of this version",
    ]
    assert {section: store.read(section).revision for section in store.sections} == before


def test_sections_that_a_backup_does_not_hold_stay(store: SettingsStore) -> None:
    whole = json.loads(saved(store))
    whole["sections"] = {"sms": {"country_code": "66"}}
    whole["checksum"] = backup._checksum(whole["sections"])
    backup.restore(store, json.dumps(whole).encode())
    settings = store.load().settings
    assert settings.one(Sms).country_code == "66"
    assert settings.one(Api).http_port == 8000


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda content: content[:-20], "the file is not JSON"),
        (lambda content: b"{}", "the file is not a backup of these settings"),
        (lambda content: b"[]", "the file is not a backup of these settings"),
        (lambda content: content.replace(b"8000", b"8001"), "the file was changed or damaged"),
        (lambda content: content.replace(b'"version": 1', b'"version": 2'), "is a backup of version 2"),
        (lambda content: b"[" * 50_000, "the file is nested too deeply"),
    ],
)
def test_a_file_that_is_no_whole_backup_is_refused(store: SettingsStore, spoil, why: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Refused, match=why):
        backup.restore(store, spoil(saved(store)))
    assert store.load().settings.one(Api).http_port == 8000


def test_a_section_with_a_broken_file_is_left_out_of_the_backup(store: SettingsStore) -> None:
    (store.folder / "api.json").write_text("{torn")
    store.save(General, General(device_name="Branch"))
    sections = json.loads(saved(store))["sections"]
    assert "api" not in sections
    assert sections["general"]["device_name"] == "Branch"
