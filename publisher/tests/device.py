"""A small device at the other end: speaks the wire's JSON, remembers what a handset would have shown."""

import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MODEMS = {"modem1": {"id": "modem1", "name": "Modem 1", "port": "/dev/ttyUSB0", "connected": True}}


@dataclass
class Device:
    """`mute` swallows every message without an answer, as a device that was unplugged while it worked.

    Who holds `lock` stops it between the arrival of a message and the work on it.
    """

    mute: bool = False
    arrived: int = 0
    outbox: list[tuple[str, str]] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)
    blocked: set[str] = field(default_factory=set)
    codes: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, text: str | bytes) -> tuple[str | None, str]:
        """The topic to answer on, if any, and the answer."""
        message = json.loads(text)
        self.arrived += 1
        with self.lock:
            self.seen.append(message)
            answer = self._answer(message["command"], message["data"])
        answer["command"] = message["command"]
        topic = None if self.mute else message.get("callback_topic")
        return topic, json.dumps(answer)

    def _answer(self, command: str, data: Mapping[str, Any]) -> dict[str, Any]:
        match command:
            case "create-otp":
                return self._create(data)
            case "verify-otp":
                code = self.codes.get(data["reference"])
                if code is None or code != data["otp"]:
                    return {"response_code": "1202", "reason": "invalid_otp", "error": "wrong", "data": {}}
                del self.codes[data["reference"]]
                return {"response_code": "0000", "data": {"reference": data["reference"]}}
            case "send-sms" | "send-message" | "send-email":
                if data["receiver"] in self.blocked:
                    return {"response_code": "1102", "reason": "blocked", "error": "blocked", "data": {}}
                self.outbox.append((data["receiver"], data["message"]))
                return {"response_code": "0000", "data": {"id": data["id"], "modem": "Modem 1", "parts": 1}}
            case "block-msisdn":
                self.blocked.add(data["receiver"])
                return {"response_code": "0000", "data": {"receiver": data["receiver"]}}
            case "unblock-msisdn":
                self.blocked.discard(data["receiver"])
                return {"response_code": "0000", "data": {"receiver": data["receiver"]}}
            case "get-modem-list":
                return {"response_code": "0000", "data": {"modem_list": MODEMS}}
            case "request-ussd":
                return {"response_code": "0000", "data": {**data, "ussd_response": "Your balance is 5"}}
            case "echo":
                return {"response_code": "0000", "data": dict(data)}
        return {"response_code": "1102", "reason": "bad_request", "error": "unknown command", "data": {}}

    def _create(self, data: Mapping[str, Any]) -> dict[str, Any]:
        if data["reference"] in self.codes:
            return {"response_code": "1201", "reason": "duplicated", "error": "alive", "data": {}}
        code = f"{secrets.randbelow(10**6):06}"
        self.codes[data["reference"]] = code
        self.outbox.append((data["receiver"], data["message"].replace("%s", code)))
        return {
            "response_code": "0000",
            "data": {"reference": data["reference"], "receiver": data["receiver"]},
        }
