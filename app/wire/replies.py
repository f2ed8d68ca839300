"""Replies of the core as messages of the wire."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from app.core.errors import GatewayError
from app.core.events import MessageReported
from app.core.message import LedgerRow
from app.core.receiver import masked
from app.core.replies import SUCCESS, Reply


def as_json(reply: Reply) -> dict[str, Any]:
    """The answer of the wire; ``reason`` and ``error`` only where the code is not 0000."""
    answer: dict[str, Any] = {"command": reply.command, "response_code": reply.code, "data": reply.data}
    if reply.code != SUCCESS:
        answer |= {"reason": reply.reason, "error": reply.error}
    if reply.duplicate:
        answer["duplicate"] = True
    return answer


def render(reply: Reply | Sequence[Reply]) -> bytes:
    """One answer as an object, several as an array, in JSON that is plain ASCII."""
    answer = as_json(reply) if isinstance(reply, Reply) else [as_json(one) for one in reply]
    return json.dumps(answer, separators=(",", ":")).encode("ascii")


def report_json(event: MessageReported) -> bytes:
    """A delivery report as it goes to a callback topic: what ``/api/status/<id>`` says from now on."""
    delivered = event.state == "delivered"
    data = {
        "id": event.id,
        "command": event.command,
        "modemID": event.modem,
        "modem": event.name,
        "parts": event.parts,
        "delivered": event.delivered,
        "result": event.state,
    }
    if delivered:
        return render(Reply("delivery-report", SUCCESS, data))
    error = "the network could not deliver it; check the number"
    return render(Reply("delivery-report", GatewayError.code, data, "undelivered", error))


def status_json(row: LedgerRow) -> dict[str, Any]:
    """The data of ``/api/status/<id>`` (wire §1): times in Unix seconds, the receiver masked."""
    return {
        "id": row.id,
        "command": row.command,
        "state": str(row.state),
        "reason": row.reason,
        "error": row.error,
        "receiver": masked(row.receiver),
        "modem": row.name,
        "parts": row.parts,
        "accepted": row.accepted,
        "finished": row.finished,
        "tries": [{"modem": one.modem, "at": one.at, "result": one.result} for one in row.tries],
    }
