"""A running service notices what others change, and keeps what it has when a file becomes wrong."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.settings import watch
from app.settings.api import Api
from app.settings.problems import Problem
from app.settings.section import Section
from app.settings.sms import Sms
from app.settings.store import SettingsStore
from app.settings.watch import Changed, Watcher


@pytest.fixture
def store(tmp_path: Path) -> SettingsStore:
    return SettingsStore(tmp_path)


def test_a_change_comes_with_the_old_and_the_new(store: SettingsStore) -> None:
    watcher = Watcher(store, store.load())
    assert watcher.poll() == ([], [])
    store.save(Api, Api(http_port=8000))
    assert watcher.poll() == ([Changed(Api, Api(), Api(http_port=8000))], [])
    assert watcher.poll() == ([], [])
    assert watcher.settings.one(Api).http_port == 8000


def test_what_nobody_foresaw_costs_one_change_and_not_the_ones_after_it(
    store: SettingsStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watch, "PERIOD", 0.01)
    told: queue.Queue[Changed] = queue.Queue()
    stopping = threading.Event()

    def take(change: Changed) -> None:
        told.put(change)
        raise RuntimeError("unforeseen")

    watcher = Watcher(store, store.load())
    looking = threading.Thread(target=watcher.run, args=(stopping, take, lambda problem: None))
    looking.start()
    try:
        for port in (8000, 8001):
            store.save(Api, Api(http_port=port))
            assert told.get(timeout=20).new == Api(http_port=port)
    finally:
        stopping.set()
        looking.join(20)
    assert "the settings of api are not in force: an unforeseen RuntimeError at" in caplog.text


def test_a_look_that_fails_is_told_once_and_comes_again(
    store: SettingsStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watch, "PERIOD", 0.01)
    told: queue.Queue[Changed] = queue.Queue()
    stopping, beats = threading.Event(), []
    watcher = Watcher(store, store.load())
    watcher.poll()
    read, broken = store.read, [True]

    def failing(section: type[Section]) -> object:
        if broken:
            raise RuntimeError("unforeseen")
        return read(section)

    monkeypatch.setattr(store, "read", failing)
    SettingsStore(store.folder.parent).save(Sms, Sms(country_code="66"))
    run = (stopping, told.put, lambda problem: None, lambda: beats.append(1))
    looking = threading.Thread(target=watcher.run, args=run)
    looking.start()
    try:
        with pytest.raises(queue.Empty):
            told.get(timeout=0.3)
        broken.clear()
        assert told.get(timeout=20).new == Sms(country_code="66")
    finally:
        stopping.set()
        looking.join(20)
    assert len(beats) > 2
    assert caplog.text.count("the settings could not be looked at: an unforeseen RuntimeError") == 1


def test_a_change_between_load_and_the_first_look_is_not_missed(store: SettingsStore) -> None:
    loaded = store.load()
    store.save(Sms, Sms(country_code="66"))
    changes, _ = Watcher(store, loaded).poll()
    assert changes == [Changed(Sms, Sms(), Sms(country_code="66"))]


def test_a_reset_brings_the_defaults_back(store: SettingsStore) -> None:
    store.save(Sms, Sms(country_code="66"))
    watcher = Watcher(store, store.load())
    watcher.poll()
    store.reset([Sms])
    assert watcher.poll()[0] == [Changed(Sms, Sms(country_code="66"), Sms())]


def test_a_file_that_became_wrong_changes_nothing_and_is_told_once(store: SettingsStore) -> None:
    store.save(Api, Api(http_port=8000))
    watcher = Watcher(store, store.load())
    watcher.poll()
    (store.folder / "api.json").write_text('{"http_port": 0}')
    wrong = Problem("api", "", "http_port", "0 is out of range: 1 to 65535")
    assert watcher.poll() == ([], [wrong])
    os.utime(store.folder / "api.json", ns=(1, 1))
    assert watcher.poll() == ([], [])
    assert watcher.settings.one(Api).http_port == 8000

    store.save(Api, Api(http_port=8001))
    assert [change.new for change in watcher.poll()[0]] == [Api(http_port=8001)]
    (store.folder / "api.json").write_text('{"http_port": 0}')
    assert watcher.poll() == ([], [wrong]), "told again after it had been right"


def test_an_edit_of_the_same_length_in_place_is_noticed(store: SettingsStore) -> None:
    store.save(Api, Api(http_port=8000))
    watcher = Watcher(store, store.load())
    watcher.poll()
    path = store.folder / "api.json"
    with open(path, "r+b") as file:
        content = file.read().replace(b"8000", b"8001")
        file.seek(0)
        file.write(content)
    assert [change.new for change in watcher.poll()[0]] == [Api(http_port=8001)]


def test_two_sections_that_clash_by_hand_are_told(store: SettingsStore) -> None:
    watcher = Watcher(store, store.load())
    store.folder.mkdir(parents=True)
    (store.folder / "api.json").write_text('{"http_port": 10443}')
    _, problems = watcher.poll()
    assert [str(problem) for problem in problems] == [
        "api.https_port: port 10443 is already taken by api.http_port"
    ]


def test_a_change_by_another_process_reaches_a_running_thread(store: SettingsStore, tmp_path: Path) -> None:
    heard: queue.Queue[Changed] = queue.Queue()
    stopping = threading.Event()
    watcher = Watcher(store, store.load())
    thread = threading.Thread(
        target=watcher.run, args=(stopping, heard.put, lambda problem: None), name="settings-watch"
    )
    thread.start()
    try:
        code = (
            "import sys; from pathlib import Path; from app.settings.store import SettingsStore;"
            "from app.settings.sms import Sms;"
            "SettingsStore(Path(sys.argv[1])).save(Sms, Sms(country_code='66'))"
        )
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)
        assert heard.get(timeout=30) == Changed(Sms, Sms(), Sms(country_code="66"))
    finally:
        stopping.set()
        thread.join(timeout=30)
    assert not thread.is_alive()
