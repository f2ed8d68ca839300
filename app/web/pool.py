"""The threads that serve HTTP: they grow on demand, and those that wait for a modem never use them up."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

log = logging.getLogger(__name__)

# Octets of stack a thread; only what is touched costs memory. The deepest we know of is a TLS handshake.
STACK = 512 * 1024

_starting = threading.Lock()


class Job(Protocol):
    """One turn of a connection."""

    def run(self) -> None: ...


class _Worker:
    def __init__(self, job: Job | None, number: int) -> None:
        self.job = job
        self.number = number
        # A lock as the quickest of signals: closed until there is a job.
        self.wake = threading.Lock()
        self.wake.acquire()
        self.thread: threading.Thread | None = None


class Pool:
    """Up to ``front`` threads that work, and up to ``waiters`` more that wait for an outcome.

    spare: threads kept when idle; idle_seconds: after which the others end.
    """

    def __init__(
        self, front: int = 80, waiters: int = 320, spare: int = 4, idle_seconds: float = 30.0
    ) -> None:
        self.front = front
        self.waiters = waiters
        self._spare = spare
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._workers: dict[int, _Worker] = {}
        self._idle: list[_Worker] = []  # the last to fall idle is the first to work: the others may end
        self._backlog: deque[Job] = deque()
        self._waiting = 0
        self._stopping = False

    @property
    def size(self) -> int:
        """How many threads there are."""
        return len(self._workers)

    def put(self, job: Job) -> None:
        """Have a thread run the job, now or when one is free."""
        with self._lock:
            if self._idle and not self._stopping:
                worker = self._idle.pop()
                worker.job = job
                worker.wake.release()
                return
            self._backlog.append(job)
            self._grow()

    def pressed(self) -> bool:
        """Whether jobs wait for a thread."""
        return bool(self._backlog)

    @contextmanager
    def waiting(self) -> Iterator[bool]:
        """The calling thread waits for something slow: True, or False when too many wait already.

        While it waits it does not count as one of those that serve.
        """
        with self._lock:
            admitted = self._waiting < self.waiters
            if admitted:
                self._waiting += 1
                self._grow()
        try:
            yield admitted
        finally:
            if admitted:
                with self._lock:
                    self._waiting -= 1

    def stop(self, timeout: float = 5.0) -> None:
        """End the threads; those that still wait for a modem are left to themselves after the timeout."""
        deadline = time.monotonic() + timeout
        with self._lock:
            self._stopping = True
            self._backlog.clear()
            for worker in self._idle:
                worker.wake.release()
            threads = [worker.thread for worker in self._workers.values()]
        for thread in threads:
            if thread is not None and thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))

    # All below with the lock held, except where a thread's own work begins.

    def _grow(self) -> None:
        """Give the eldest of the backlog a thread of its own, if there is one and there may be."""
        busy = len(self._workers) - len(self._idle) - self._waiting
        if not self._backlog or busy >= self.front or self._stopping:
            return
        number = next(n for n in range(1, len(self._workers) + 2) if n not in self._workers)
        worker = _Worker(self._backlog.popleft(), number)
        worker.thread = threading.Thread(
            target=self._work, args=(worker,), name=f"http-{number}", daemon=True
        )
        self._workers[number] = worker
        try:
            with _starting:
                usual = threading.stack_size(STACK)
                try:
                    worker.thread.start()
                finally:
                    threading.stack_size(usual)
        except RuntimeError:
            log.error("the system gives no more threads: %d serve HTTP", len(self._workers) - 1)
            del self._workers[number]
            if worker.job is not None:
                self._backlog.appendleft(worker.job)

    def _work(self, worker: _Worker) -> None:
        while (job := worker.job) is not None:
            try:
                job.run()
            except Exception as error:
                # The outermost loop of the thread; the text may hold what a client sent.
                log.error("a connection failed with an unforeseen %s", type(error).__name__)
            del job
            self._rest(worker)

    def _rest(self, worker: _Worker) -> None:
        """Wait for the next job; none when the thread is to end."""
        with self._lock:
            worker.job = self._backlog.popleft() if self._backlog else None
            if worker.job is not None:
                return
            if not self._stopping:
                self._idle.append(worker)
        while not self._stopping:
            woken = worker.wake.acquire(timeout=self._idle_seconds)
            with self._lock:
                if worker.job is not None:
                    if not woken:
                        worker.wake.acquire()  # the job came with the end of the wait: the signal is there
                    return
                if len(self._workers) > self._spare or self._stopping:
                    break
        with self._lock:
            if worker.job is not None:
                worker.wake.acquire()
                return
            if worker in self._idle:
                self._idle.remove(worker)
            del self._workers[worker.number]
