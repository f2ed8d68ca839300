"""Gives memory that is free back to the system, which the C library by itself keeps for each thread."""

from __future__ import annotations

import ctypes


def trim() -> None:
    """With a few threads a modem, each with an arena to allocate from, that is a megabyte a minute at first.

    Takes under a millisecond (malloc_trim(3)); nothing happens where the C library does not know it.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        pass
