"""The files of the settings: written whole, broken ones kept, no writer loses another's work."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.settings.api import Api, ApiUser
from app.settings.blocking import BlockedNumber
from app.settings.files import locked
from app.settings.modems import Modem
from app.settings.problems import ChangedMeanwhile, Problem, Refused, StoreUnusable
from app.settings.sections import SECTIONS
from app.settings.sms import Sms
from app.settings.store import PENDING, SettingsStore


@pytest.fixture
def store(tmp_path: Path) -> SettingsStore:
    return SettingsStore(tmp_path)


def child(code: str, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )


def test_nothing_set_means_defaults_and_writes_nothing(store: SettingsStore) -> None:
    loaded = store.load()
    assert loaded.problems == ()
    assert loaded.settings.one(Api).http_port == 8899
    assert dict(loaded.settings.items(Modem)) == {}
    assert not store.folder.exists()


def test_a_section_is_one_readable_file_that_only_its_owner_reads(store: SettingsStore) -> None:
    store.save(Sms, Sms(country_code="66"))
    assert json.loads((store.folder / "sms.json").read_text()) == {
        "country_code": "66",
        "recipient_prefix_length": 5,
        "log_outgoing_sms": False,
        "monitor_sms_traffic": True,
        "delivery_reports": False,
        "national_alphabets": False,
        "limit_per_minute": 0,
        "limit_per_day": 0,
    }
    assert stat.S_IMODE((store.folder / "sms.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert sorted(path.name for path in store.folder.iterdir()) == [".lock", "sms.json"]


def test_a_file_written_by_hand_needs_only_what_differs(store: SettingsStore) -> None:
    store.folder.mkdir(parents=True)
    (store.folder / "api.json").write_text('\ufeff{"http_port": "8080", "enable_https": "off"}')
    loaded = store.load()
    assert loaded.problems == ()
    assert loaded.settings.one(Api) == Api(http_port=8080, enable_https=False)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "api.json is empty"),
        (b"\0" * 400, "api.json holds nothing but blanks or zeros"),
        (b'{"http_port": 80', "api.json is not JSON (line 1, column 17)"),
        (b'{"http_port": 80}\n}', "api.json is not JSON (line 2, column 1)"),
        (b'{"http_port": NaN}', "api.json holds something that is not a number"),
        (b'{"http_port": "\xff"}', "api.json is not UTF-8 text (byte 16)"),
        (b"[" * 100_000, "api.json is nested too deeply"),
    ],
)
def test_a_torn_file_costs_its_section_only(store: SettingsStore, content: bytes, why: str) -> None:
    store.save(Sms, Sms(country_code="66"))
    (store.folder / "api.json").write_bytes(content)
    loaded = store.load()
    assert loaded.problems == (Problem("api", "", "", f"{why}: the section is at its defaults"),)
    assert loaded.fallen == ("api",)
    assert loaded.settings.one(Api) == Api()
    assert loaded.settings.one(Sms) == Sms(country_code="66")
    assert (store.folder / "api.json").read_bytes() == content, "loading does not touch the file"


def test_a_section_with_a_wrong_field_falls_back_to_its_defaults(store: SettingsStore) -> None:
    store.folder.mkdir(parents=True)
    (store.folder / "api.json").write_text('{"http_port": 80, "https_port": 0}')
    loaded = store.load()
    assert loaded.problems == (Problem("api", "", "https_port", "0 is out of range: 1 to 65535"),)
    assert loaded.settings.one(Api) == Api()


def test_an_unknown_field_is_told_and_costs_nothing(store: SettingsStore) -> None:
    store.folder.mkdir(parents=True)
    (store.folder / "api.json").write_text('{"http_port": 80, "future_option": 1}')
    loaded = store.load()
    assert loaded.problems == (Problem("api", "", "future_option", "there is no such option in api"),)
    assert loaded.settings.one(Api) == Api(http_port=80)
    assert loaded.fallen == ()


def test_an_item_that_stands_twice_is_told(store: SettingsStore) -> None:
    store.folder.mkdir(parents=True)
    (store.folder / "modems.json").write_text('{"m1": {"port": "sim://a"}, "m1": {"port": "sim://b"}}')
    assert store.load().problems == (Problem("modems", "", "", "'m1' stands twice in modems.json"),)


def test_a_broken_file_is_kept_when_its_section_is_saved(store: SettingsStore) -> None:
    store.folder.mkdir(parents=True)
    for number, content in enumerate(["{torn", "{torn again"]):
        (store.folder / "api.json").write_text(content)
        store.save(Api, Api(http_port=8000 + number))
    assert (store.folder / "api.json.broken").read_text() == "{torn"
    assert (store.folder / "api.json.broken.2").read_text() == "{torn again"
    loaded = store.load()
    assert loaded.problems == ()
    assert loaded.settings.one(Api).http_port == 8001


def test_a_broken_item_is_kept_aside_when_another_is_saved(store: SettingsStore) -> None:
    store.folder.mkdir(parents=True)
    content = '{"m1": {"port": "sim://a"}, "m2": {"port": "COM3"}}'
    (store.folder / "modems.json").write_text(content)
    store.put(Modem, "m3", Modem(name="m3", port="sim://c"))
    assert list(store.load().settings.items(Modem)) == ["m1", "m3"]
    assert (store.folder / "modems.json.broken").read_text() == content


def test_a_broken_item_can_be_removed(store: SettingsStore) -> None:
    store.folder.mkdir(parents=True)
    (store.folder / "modems.json").write_text('{"m1": {"port": "sim://a"}, "m2": {"port": "COM3"}}')
    store.remove(Modem, "m2")
    loaded = store.load()
    assert loaded.problems == ()
    assert list(loaded.settings.items(Modem)) == ["m1"]


def test_what_has_problems_is_never_written(store: SettingsStore) -> None:
    store.save(Api, Api(http_port=8080))
    before = (store.folder / "api.json").read_bytes()
    with pytest.raises(Refused) as refused:
        store.save(Api, Api(http_port=10443))
    assert refused.value.problems == (
        Problem("api", "", "https_port", "port 10443 is already taken by api.http_port"),
    )
    with pytest.raises(Refused):
        store.save(Api, Api.model_construct(**{**Api().model_dump(), "otp_path": "nonsense"}))
    assert (store.folder / "api.json").read_bytes() == before


def test_a_clash_made_by_hand_does_not_keep_another_section_from_being_saved(store: SettingsStore) -> None:
    store.folder.mkdir(parents=True)
    (store.folder / "api.json").write_text('{"http_port": 9000, "https_port": 9000}')
    store.save(Sms, Sms(country_code="66"))
    assert [problem.field for problem in store.load().problems] == ["https_port"]


def test_the_second_of_two_writers_is_told(store: SettingsStore) -> None:
    store.save(Api, Api())
    seen = store.read(Api).revision
    store.save(Api, Api(http_port=8001), seen)
    with pytest.raises(ChangedMeanwhile, match="api was changed by somebody else"):
        store.save(Api, Api(http_port=8002), seen)
    assert store.load().settings.one(Api).http_port == 8001


def test_a_revision_follows_the_content_also_when_edited_by_hand(store: SettingsStore) -> None:
    first = store.save(Api, Api())
    assert store.read(Api).revision == first
    (store.folder / "api.json").write_text("{}")
    with pytest.raises(ChangedMeanwhile):
        store.save(Api, Api(http_port=8001), first)


def test_saving_what_is_there_writes_nothing(store: SettingsStore) -> None:
    store.save(Api, Api())
    before = (store.folder / "api.json").stat()
    store.save(Api, Api())
    assert (store.folder / "api.json").stat().st_mtime_ns == before.st_mtime_ns
    assert (store.folder / "api.json").stat().st_ino == before.st_ino


PUT_FIFTY = """
import sys
from pathlib import Path
from app.settings.api import ApiUser
from app.settings.store import SettingsStore
store = SettingsStore(Path(sys.argv[1]))
for number in range(50):
    store.put(ApiUser, f"{sys.argv[0]}{number}", ApiUser(username=f"PREFIX{number}"))
"""


def test_processes_that_write_at_once_lose_nothing(store: SettingsStore, tmp_path: Path) -> None:
    writers = [
        child(PUT_FIFTY.replace("sys.argv[0]", repr(name)).replace("PREFIX", name), tmp_path)
        for name in ("a", "b", "c")
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    loaded = store.load()
    assert loaded.problems == ()
    expected = {f"{name}{number}" for name in "abc" for number in range(50)}
    assert set(loaded.settings.items(ApiUser)) == expected


WRITE_FOREVER = """
import sys
from pathlib import Path
from app.settings.api import ApiUser
from app.settings.store import SettingsStore
store = SettingsStore(Path(sys.argv[1]))
big = {f"user{n}": ApiUser(username=f"user{n}") for n in range(200)}
small = {"one": ApiUser(username="one")}
print("ready", flush=True)
while True:
    store.save(ApiUser, big)
    store.save(ApiUser, small)
"""


def test_a_killed_writer_leaves_the_old_or_the_new(store: SettingsStore, tmp_path: Path) -> None:
    seen = set()
    for number in range(12):
        writer = child(WRITE_FOREVER, tmp_path)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(0.005 * (number + 1))  # another place in its work each time
        writer.send_signal(signal.SIGKILL)
        writer.wait(timeout=30)
        writer.stdout.close()
        loaded = store.load()
        assert loaded.problems == ()
        count = len(loaded.settings.items(ApiUser))
        assert count in (0, 1, 200)
        seen.add(count)
        # The dead one's lock and its half-written file are in nobody's way.
        store.save(Sms, Sms(limit_per_day=number))
    assert seen & {1, 200}


def test_a_file_cut_at_any_byte_is_whole_or_told(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path)
    store.save(Sms, Sms(country_code="66", delivery_reports=True))
    whole = (store.folder / "sms.json").read_bytes()
    for length in range(len(whole)):
        (store.folder / "sms.json").write_bytes(whole[:length])
        loaded = store.load()
        if length < len(whole) - 1:  # the last byte is a line end
            assert [problem.section for problem in loaded.problems] == ["sms"]
            assert loaded.settings.one(Sms) == Sms()
        else:
            assert loaded.settings.one(Sms).country_code == "66"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["http_port", "m1", "port", "name", "recipient_prefix", "otp_path", "a b"])
            | st.text(max_size=6),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(content=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_content_of_a_file_stops_the_others_from_loading(content: bytes) -> None:
    home = Path(tempfile.mkdtemp(prefix="otppi-test-"))
    try:
        store = SettingsStore(home)
        store.save(Sms, Sms(country_code="66"))
        for section in SECTIONS:
            if section is not Sms:
                store.path(section).write_bytes(content)
        loaded = store.load()
        assert loaded.settings.one(Sms).country_code == "66"
        assert all(str(problem).isprintable() for problem in loaded.problems)
        assert isinstance(loaded.settings.one(Api), Api)
    finally:
        shutil.rmtree(home)


def test_what_the_device_came_with_counts_until_something_is_set(store: SettingsStore) -> None:
    store.factory.mkdir(parents=True)
    (store.factory / "sms.json").write_text('{"country_code": "66"}')
    assert store.load().settings.one(Sms).country_code == "66"
    store.save(Sms, Sms(country_code="60"))
    assert store.load().settings.one(Sms).country_code == "60"
    (store.folder / "sms.json").write_text("{")
    assert store.load().settings.one(Sms).country_code == "66"
    assert store.reset([Sms, Api]) == ["sms"]
    loaded = store.load()
    assert loaded.problems == ()
    assert loaded.settings.one(Sms).country_code == "66"
    assert (store.folder / "sms.json.broken").read_text() == "{"


def test_a_restore_cut_by_a_power_failure_is_finished_at_the_next_start(store: SettingsStore) -> None:
    store.save(Sms, Sms(country_code="60"))
    # What lies on the card when the power went after the first of two sections was written.
    (store.folder / "api.json").write_text('{"http_port": 8000}')
    (store.folder / PENDING).write_text('{"api": {"http_port": 8000}, "sms": {"country_code": "66"}}')
    loaded = store.load()
    assert loaded.problems == ()
    assert loaded.settings.one(Api).http_port == 8000
    assert loaded.settings.one(Sms).country_code == "66"
    assert not (store.folder / PENDING).exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    store = SettingsStore(tmp_path / "home")
    with pytest.raises(StoreUnusable, match="cannot be written"):
        store.save(Api, Api())
    assert store.load().settings.one(Api) == Api()


def test_a_lock_is_given_back(tmp_path: Path) -> None:
    with locked(tmp_path / ".lock"):
        pass
    with locked(tmp_path / ".lock"):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_sets_the_service_can_read(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    store = SettingsStore(home)
    store.save(Api, Api(http_port=8000))
    for path in (store.folder, store.folder / "api.json", store.folder / ".lock"):
        assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)


def test_a_long_collection_has_one_item_a_line(store: SettingsStore) -> None:
    numbers = {f"62811{n:06}": BlockedNumber(number=f"62811{n:06}", by="rule") for n in range(501)}
    store.save(BlockedNumber, numbers)
    lines = (store.folder / "blocking.json").read_text().splitlines()
    assert len(lines) == 503
    assert lines[1] == (
        '  "62811000000": {"number": "62811000000", "state": "blocked", "since": 0, "by": "rule"},'
    )
    assert dict(SettingsStore(store.folder.parent).load().settings.items(BlockedNumber)) == numbers


def test_what_was_read_cannot_be_changed_behind_the_store(store: SettingsStore) -> None:
    store.put(Modem, "m1", Modem(name="m1", port="sim://a"))
    with pytest.raises(TypeError):
        store.read(Modem).value["m2"] = Modem(name="m2", port="sim://b")  # type: ignore[index]
    with pytest.raises(ValidationError):
        store.load().settings.items(Modem)["m1"].port = "sim://b"  # type: ignore[misc]
