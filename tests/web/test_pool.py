"""The threads: they grow on demand, keep a reserve, and go again."""

from __future__ import annotations

import threading
from collections.abc import Callable

from app.web.pool import Pool
from tests.web.door import eventually


class Work:
    def __init__(self, act: Callable[[], None]) -> None:
        self.act = act

    def run(self) -> None:
        self.act()


def test_threads_grow_with_the_work_up_to_the_front_and_shrink_again() -> None:
    pool = Pool(front=5, waiters=0, spare=2, idle_seconds=0.05)
    gate, done = threading.Event(), threading.Semaphore(0)

    def act() -> None:
        assert gate.wait(30)
        done.release()

    for _ in range(12):
        pool.put(Work(act))
    assert pool.size == 5
    assert pool.pressed()
    gate.set()
    assert all(done.acquire(timeout=30) for _ in range(12))
    assert not pool.pressed()
    eventually(lambda: pool.size == 2)
    pool.put(Work(done.release))
    assert done.acquire(timeout=30)
    pool.stop()
    assert pool.size == 0


def test_those_who_wait_make_room_for_those_who_work() -> None:
    pool = Pool(front=1, waiters=2)
    gate, waiting, worked = threading.Event(), threading.Semaphore(0), threading.Event()

    def wait() -> None:
        with pool.waiting() as admitted:
            assert admitted
            waiting.release()
            assert gate.wait(30)

    for _ in range(2):
        pool.put(Work(wait))
        assert waiting.acquire(timeout=30)
    pool.put(Work(worked.set))
    assert worked.wait(30)
    gate.set()
    pool.stop()


def test_work_that_came_while_all_threads_were_busy_runs_once_one_of_them_waits() -> None:
    pool = Pool(front=1, waiters=1)
    begin, gate, worked = threading.Event(), threading.Event(), threading.Event()

    def wait() -> None:
        assert begin.wait(30)
        with pool.waiting():
            assert gate.wait(30)

    pool.put(Work(wait))
    pool.put(Work(worked.set))
    assert not worked.is_set()
    begin.set()
    assert worked.wait(30)
    gate.set()
    pool.stop()


def test_only_so_many_may_wait() -> None:
    pool = Pool(front=1, waiters=1)
    with pool.waiting() as first, pool.waiting() as second:
        assert (first, second) == (True, False)
    with pool.waiting() as third:
        assert third


def test_a_failing_job_does_not_end_its_thread() -> None:
    pool = Pool(front=1, waiters=0)
    worked = threading.Event()

    def fail() -> None:
        raise RuntimeError

    pool.put(Work(fail))
    pool.put(Work(worked.set))
    assert worked.wait(30)
    assert pool.size == 1
    pool.stop()


def test_the_threads_are_named_and_their_stacks_do_not_change_anybody_elses() -> None:
    usual = threading.stack_size()
    pool = Pool()
    names: list[str] = []
    done = threading.Event()

    def note() -> None:
        names.append(threading.current_thread().name)
        done.set()

    pool.put(Work(note))
    assert done.wait(30)
    assert names == ["http-1"]
    assert threading.stack_size() == usual
    pool.stop()
