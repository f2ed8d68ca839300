"""What the broker counts, and the text in which Prometheus reads it."""

from dataclasses import dataclass, fields


@dataclass
class Counters:
    """Totals since the start."""

    messages_in: int = 0
    messages_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    connections: int = 0
    logins_refused: int = 0
    slow_readers_closed: int = 0
    turned_away: int = 0

    def exposition(self, clients: int, topics: int) -> str:
        """Text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/"""
        lines = []
        for name, value in (("clients", clients), ("topics", topics)):
            lines += [f"# TYPE otp_broker_{name} gauge", f"otp_broker_{name} {value}"]
        for counter in fields(self):
            name = f"otp_broker_{counter.name}_total"
            lines += [f"# TYPE {name} counter", f"{name} {getattr(self, counter.name)}"]
        return "\n".join(lines) + "\n"
