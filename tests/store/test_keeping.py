"""Keys, spool and what is remembered of modems."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from app.core.digest import KeyedDigest
from app.core.errors import StorageFailed
from app.core.message import Message
from app.store.database import STEPS, Database
from app.store.keys import DeviceKeys
from app.store.modems import ModemMemory
from app.store.places import SYSTEM_HOME, SYSTEM_RUNTIME, Places
from app.store.spool import FileSpool
from tests.house import HandClock


def message(seq: int = 1) -> Message:
    return Message(
        seq, "id", "send-sms", "rest:a", "62812", "text ä", b"f" * 32, 1.0, 5000.0, otp=(b"k" * 32, b"m" * 32)
    )


def test_keys_are_the_same_on_every_start_and_differ_by_purpose(tmp_path: Path) -> None:
    first, second = DeviceKeys(tmp_path), DeviceKeys(tmp_path)
    assert first.key("otp") == second.key("otp") != first.key("session")
    assert len(first.key("otp")) == 32
    assert (tmp_path / "device.key").stat().st_mode & 0o777 == 0o600


def test_two_first_starts_agree_on_one_key(tmp_path: Path) -> None:
    keys: list[bytes] = []
    start = threading.Barrier(8)

    def first_start() -> None:
        start.wait(10)
        keys.append(DeviceKeys(tmp_path).key("otp"))

    threads = [threading.Thread(target=first_start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(keys) == 8 and len(set(keys)) == 1


def test_a_key_file_of_the_wrong_length_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "device.key").write_bytes(b"short")
    with pytest.raises(StorageFailed, match=r"device\.key"):
        DeviceKeys(tmp_path)


def test_a_spooled_message_comes_back_whole_in_the_next_process(tmp_path: Path) -> None:
    FileSpool(tmp_path, HandClock()).keep(message())
    later = HandClock()
    later.advance(50)  # wall and steady move together; the next process counts from elsewhere
    later.now += 7000
    later.step_wall(-7000)
    kept = FileSpool(tmp_path, later).kept()[1]
    assert kept.text == "text ä" and kept.otp == (b"k" * 32, b"m" * 32)
    assert kept.deadline == pytest.approx(5000.0 + 7000)
    assert kept.ends == float("inf")


def test_the_spool_is_for_its_owner_alone_and_forgets(tmp_path: Path) -> None:
    spool = FileSpool(tmp_path, HandClock())
    spool.keep(message())
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    spool.drop(1)
    spool.drop(1)
    assert list(tmp_path.iterdir()) == []


def test_a_torn_spool_file_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "7.json").write_text('{"seq": 7, "id"')
    spool = FileSpool(tmp_path, HandClock())
    assert spool.kept() == {}
    assert list(tmp_path.iterdir()) == []


def test_part_references_go_on_after_a_restart(tmp_path: Path) -> None:
    digest = KeyedDigest(b"k" * 32)
    database = Database(tmp_path / "state.db")
    assert [ModemMemory(database, digest).part_reference("62812") for _ in range(3)] == [1, 2, 3]
    database.close()
    database = Database(tmp_path / "state.db")
    assert ModemMemory(database, digest).part_reference("62812") == 4
    assert ModemMemory(database, digest).part_reference("62813") == 1
    database.close()


def test_every_card_of_a_modem_keeps_its_record_also_one_of_an_earlier_release(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as old:
        for number, step in enumerate(STEPS[:3], 1):
            old.executescript(f"BEGIN; {step} PRAGMA user_version = {number}; COMMIT;")
        old.execute("INSERT INTO sim_of_modem VALUES ('imei', 'first', 1000)")
        old.commit()
    database = Database(path)
    memory = ModemMemory(database, KeyedDigest(b"k" * 32))
    assert memory.sim_of("imei") == "first"
    memory.remember_sim("imei", "second", 2000.0)
    memory.remember_sim("imei", "third", 5.0)  # by a clock that was never set
    assert memory.sim_of("imei") == "third"
    memory.remember_sim("imei", "first", 3000.0)
    assert [card for card, _ in memory.sims_of("imei")] == ["first", "third", "second"]
    database.close()


def test_a_refused_pin_is_remembered_without_being_written(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    memory = ModemMemory(database, KeyedDigest(b"k" * 32))
    assert not memory.pin_was_refused("8962", "4711")
    memory.remember_refused_pin("8962", "4711")
    assert memory.pin_was_refused("8962", "4711")
    assert not memory.pin_was_unanswered("8962", "4711")
    memory.remember_unanswered_pin("8962", "4712")
    assert memory.pin_was_unanswered("8962", "4712")
    memory.forget_unanswered_pin("8962", "4712")
    assert not memory.pin_was_unanswered("8962", "4712")
    assert not memory.pin_was_refused("8962", "4712")
    assert not memory.pin_was_refused("8963", "4711")
    database.close()
    assert b"4711" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_the_device_keeps_texts_below_run_and_other_homes_in_shared_memory(tmp_path: Path) -> None:
    assert Places(SYSTEM_HOME).spool == SYSTEM_RUNTIME / "spool"
    one, other = Places(tmp_path / "a"), Places(tmp_path / "b")
    assert one.spool != other.spool
    assert one.spool.is_relative_to("/dev/shm")
