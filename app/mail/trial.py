"""A test mail by one account, with the whole conversation to show."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from app.core.clock import Clock
from app.core.errors import BadRequest, StorageFailed
from app.core.message import Message
from app.mail.account import Account
from app.mail.letter import write
from app.mail.senders import Identity
from app.mail.session import Failure, Session, verifying
from app.mail.turns import Usage


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it: a sentence, and the lines of both sides ("C: …", "S: …") with credentials masked."""

    worked: bool
    sentence: str
    lines: tuple[str, ...]


def try_out(
    account: Account,
    receiver: str,
    identity: Identity,
    clock: Clock,
    usage: Usage,
    day: str,
    tls: ssl.SSLContext | None = None,
) -> Trial:
    """Send one test mail; it counts for the day, but neither limit nor rest of the account keep it back."""
    lines: list[str] = []

    def tell(who: str, line: str) -> None:
        lines.append(f"{who}: {line}")

    text = (
        f"This is a test mail from {identity.device}. If you can read it, the account {account.name} works."
    )
    message = Message(
        seq=0,
        id="test",
        command="send-email",
        owner="admin:",
        receiver=receiver,
        text=text,
        subject=f"Test mail from {identity.device}",
        fingerprint=identity.now().isoformat().encode(),
        accepted=clock.wall(),
        deadline=0.0,
    )
    try:
        letter = write(message, account.sender, identity.now(), identity.device)
        with Session(account, identity.host, clock, tls or verifying(), tell) as session:
            session.offer(letter)
            usage.add(account.id, day, 1).wait()
            words = session.finish(letter)
    except (Failure, BadRequest, StorageFailed) as error:
        return Trial(False, str(error), tuple(lines))
    return Trial(True, f"{account.place} took the mail: {words}", tuple(lines))
