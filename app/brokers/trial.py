"""A broker tried out once: connects, signs in, subscribes, and leaves again."""

from __future__ import annotations

import logging
from collections.abc import Callable

from app.brokers.dial import Fault
from app.brokers.link import Link
from app.core.faults import described

log = logging.getLogger(__name__)


def try_out(make: Callable[[], Link]) -> None:
    """Open one link and close it; takes as long as the timeout of its settings. Raises Fault.

    No message is taken: what the broker hands over on its own it gives again to the next link, or would have
    lost anyway while nobody listened.
    """
    try:
        link = make()
        try:
            link.limit(1)
            link.open()
        finally:
            link.close()
    except Fault:
        raise
    except Exception as error:
        # Whatever a library threw; its text may hold anything.
        log.error("a broker on trial met an unforeseen %s", described(error))
        raise Fault(f"an unforeseen error of the connection ({type(error).__name__})") from error
