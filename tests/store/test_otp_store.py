"""One contract for every OTP store; a store is a parameter."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from app.core.errors import StorageFailed
from app.core.ports import OtpStore, Verdict
from app.store.database import Database
from app.store.otp import SqliteOtpStore
from app.store.redis_otp import RedisOtpStore, connect
from tests.brokers.certificates import make_certificates
from tests.brokers.servers import PASSWORD, USER, Redis
from tests.wanting import need

KEY, MARK, OTHER = b"k" * 32, b"m" * 32, b"x" * 32


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    need(Redis.missing())
    folder = tmp_path_factory.mktemp("redis")
    server = Redis(folder, make_certificates(folder))
    server.start()
    yield f"redis://{USER}:{quote(PASSWORD)}@127.0.0.1:{server.port}/3"
    server.stop()


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OtpStore]:
    if request.param == "sqlite":
        database = Database(tmp_path / "state.db")
        yield SqliteOtpStore(database)
        database.close()
    else:
        client = connect(request.getfixturevalue("redis_url"))
        client.flushdb()
        yield RedisOtpStore(client, "one")
        client.close()


def test_the_right_mark_is_right_once(store: OtpStore) -> None:
    assert store.issue(KEY, MARK, expires=200.0, now=100.0)
    assert store.check(KEY, MARK, now=101.0, tries=5) is Verdict.RIGHT
    assert store.check(KEY, MARK, now=102.0, tries=5) is Verdict.USED


def test_a_living_reference_is_not_issued_again(store: OtpStore) -> None:
    assert store.issue(KEY, MARK, expires=200.0, now=100.0)
    assert not store.issue(KEY, OTHER, expires=300.0, now=199.0)
    assert store.check(KEY, MARK, now=199.0, tries=5) is Verdict.RIGHT


def test_expired_used_and_locked_references_are_free(store: OtpStore) -> None:
    assert store.issue(KEY, MARK, expires=200.0, now=100.0)
    assert store.issue(KEY, MARK, expires=300.0, now=200.0)
    assert store.check(KEY, MARK, now=201.0, tries=5) is Verdict.RIGHT
    assert store.issue(KEY, MARK, expires=300.0, now=202.0)
    assert store.check(KEY, OTHER, now=203.0, tries=1) is Verdict.LOCKED
    assert store.issue(KEY, MARK, expires=300.0, now=204.0)


def test_an_unknown_reference_is_unknown(store: OtpStore) -> None:
    assert store.check(KEY, MARK, now=1.0, tries=5) is Verdict.UNKNOWN


def test_an_expired_one_says_so(store: OtpStore) -> None:
    store.issue(KEY, MARK, expires=200.0, now=100.0)
    assert store.check(KEY, MARK, now=200.0, tries=5) is Verdict.EXPIRED


def test_the_last_allowed_wrong_try_locks(store: OtpStore) -> None:
    store.issue(KEY, MARK, expires=200.0, now=100.0)
    verdicts = [store.check(KEY, OTHER, now=101.0, tries=3) for _ in range(4)]
    assert verdicts == [Verdict.WRONG, Verdict.WRONG, Verdict.LOCKED, Verdict.LOCKED]
    assert store.check(KEY, MARK, now=101.0, tries=3) is Verdict.LOCKED


def test_forgetting_frees_only_this_very_code(redis_url: str) -> None:
    # In the state database the end of the message does it: test_ledger.
    client = connect(redis_url)
    client.flushdb()
    store = RedisOtpStore(client, "one")
    store.issue(KEY, MARK, expires=200.0, now=100.0)
    store.forget(KEY, OTHER)
    assert not store.issue(KEY, MARK, expires=200.0, now=100.0)
    store.forget(KEY, MARK)
    assert store.issue(KEY, MARK, expires=200.0, now=100.0)


def test_two_parallel_right_answers_give_exactly_one_success(store: OtpStore) -> None:
    for round_ in range(20):
        key = bytes([round_]) * 32
        store.issue(key, MARK, expires=200.0, now=100.0)
        verdicts: list[Verdict] = []
        start = threading.Barrier(8)

        def answer(
            key: bytes = key, start: threading.Barrier = start, verdicts: list[Verdict] = verdicts
        ) -> None:
            start.wait(10)
            verdicts.append(store.check(key, MARK, now=101.0, tries=100))

        threads = [threading.Thread(target=answer) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert sorted(verdict.value for verdict in verdicts) == ["right"] + ["used"] * 7


def test_two_devices_share_their_references(redis_url: str) -> None:
    client = connect(redis_url)
    client.flushdb()
    one, two = RedisOtpStore(client, "one"), RedisOtpStore(client, "two")
    one.beat()
    assert one.issue(KEY, MARK, expires=200.0, now=100.0)
    assert not two.issue(KEY, OTHER, expires=200.0, now=101.0)
    assert two.check(KEY, OTHER, now=102.0, tries=3) is Verdict.WRONG
    assert one.check(KEY, OTHER, now=102.0, tries=3) is Verdict.WRONG
    assert two.check(KEY, MARK, now=103.0, tries=3) is Verdict.RIGHT
    assert one.check(KEY, MARK, now=104.0, tries=3) is Verdict.USED


def test_a_code_that_a_dead_device_drew_and_never_sent_is_in_nobodys_way(redis_url: str) -> None:
    client = connect(redis_url)
    client.flushdb()
    dead, other = RedisOtpStore(client, "dead"), RedisOtpStore(client, "other")
    assert dead.issue(KEY, MARK, expires=200.0, now=100.0)  # and gave no sign of life since
    assert other.issue(KEY, OTHER, expires=200.0, now=101.0)
    assert not dead.sent(KEY, MARK)  # it was not dead: its code must not go out any more
    assert other.sent(KEY, OTHER)
    assert other.check(KEY, OTHER, now=102.0, tries=3) is Verdict.RIGHT


def test_a_code_that_was_sent_outlives_its_device(redis_url: str) -> None:
    client = connect(redis_url)
    client.flushdb()
    dead, other = RedisOtpStore(client, "dead"), RedisOtpStore(client, "other")
    assert dead.issue(KEY, MARK, expires=200.0, now=100.0)
    assert dead.sent(KEY, MARK)
    assert not other.issue(KEY, OTHER, expires=200.0, now=101.0)
    assert other.check(KEY, MARK, now=102.0, tries=3) is Verdict.RIGHT


def test_neither_key_nor_mark_tells_the_code(redis_url: str) -> None:
    client = connect(redis_url)
    client.flushdb()
    RedisOtpStore(client, "one").issue(KEY, MARK, expires=200.0, now=100.0)
    (name,) = client.keys("*")
    assert client.hgetall(name)[b"mark"] == MARK
    assert 86000 < client.ttl(name) <= 86500  # Redis forgets it a day after it ended


def test_a_store_that_cannot_be_reached_says_so() -> None:
    store = RedisOtpStore(connect("redis://127.0.0.1:1/0"), "one")
    with pytest.raises(StorageFailed, match="the shared OTP store cannot be reached"):
        store.issue(KEY, MARK, expires=200.0, now=100.0)
