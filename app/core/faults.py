"""Errors that nobody foresaw, as the log may name them: their kind and place, never their text."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def described(error: BaseException) -> str:
    """``KeyError at intake.py:120``. The text of an unforeseen error may hold a code or a message."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = (
        f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "an unknown place"
    )
    return f"{type(error).__name__} at {where}"


@contextmanager
def survived(log: logging.Logger, what: str) -> Iterator[None]:
    """One of several goes wrong in a way that nobody foresaw: the log tells, the others have their turn."""
    try:
        yield
    except Exception as error:
        log.error("%s failed with an unforeseen %s", what, described(error))
