"""What the broker bears before it says no."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds.

    `ping_interval` must not be below 15: clients exist that take an early ping for the answer they wait for.
    """

    message: int = 64 * 1024
    clients: int = 1000
    knocking: int = 200
    """Connections that have not yet shown who they are."""
    queue_messages: int = 1024
    queue_bytes: int = 1024 * 1024
    """What may wait for one client; a reader slower than that is closed."""
    send_buffer: int = 128 * 1024
    """What the system may hold for one client besides."""
    open_timeout: float = 10.0
    ping_interval: float = 20.0
    ping_timeout: float = 20.0
    close_timeout: float = 5.0
    pending_logins: int = 64
    """Password checks that may wait for a processor."""

    def __post_init__(self) -> None:
        if self.ping_interval < 15:
            raise ValueError(f"ping_interval is at least 15 s, not {self.ping_interval:g}")
        if min(self.message, self.clients, self.knocking, self.queue_messages, self.queue_bytes) < 1:
            raise ValueError("a limit is at least 1")
        if self.queue_bytes < self.message:
            raise ValueError("queue_bytes must hold at least one message")
