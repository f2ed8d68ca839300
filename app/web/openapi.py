"""The OpenAPI description of the REST interface, made from the commands themselves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from app import wire

TITLES = {
    "request-otp": "Draw a one-time password and send it",
    "verify-otp": "Check a one-time password, which uses it up",
    "send-sms": "Send a text by SMS",
    "send-email": "Send a text by e-mail",
    "send-message": "Send by SMS or e-mail, as the receiver has it",
    "block-msisdn": "Put a number on the block list",
    "unblock-msisdn": "Take a number off the block list",
    "get-modem-list": "List the modems and how they are",
    "request-ussd": "Ask the network through a modem",
    "answer-ussd": "Answer the network's menu",
    "cancel-ussd": "End the session with the network",
    "echo": "Get the request back",
}
EXAMPLES: Mapping[str, Mapping[str, object]] = {
    "request-otp": {"reference": "login-1", "receiver": "081212345678", "message": "Your code is %s"},
    "verify-otp": {"reference": "login-1", "receiver": "081212345678", "otp": "123456"},
    "send-sms": {"receiver": "081212345678", "message": "Hello"},
    "send-email": {"receiver": "ann@example.com", "subject": "Hello", "message": "Hello"},
    "send-message": {"receiver": "081212345678", "message": "Hello"},
    "block-msisdn": {"receiver": "081212345678"},
    "unblock-msisdn": {"receiver": "081212345678"},
    "get-modem-list": {},
    "request-ussd": {"modem_id": "sim1", "ussd_code": "*100#"},
    "answer-ussd": {"modem_id": "sim1", "ussd_answer": "1"},
    "cancel-ussd": {"modem_id": "sim1"},
    "echo": {},
}
CODES = {
    "0000": "done",
    "1000": "the port of the chosen modem is gone",
    "1100": "not authorised",
    "1101": "no modem may carry it now",
    "1102": "failed; reason and error say why",
    "1201": "the reference is still alive",
    "1202": "the code is wrong",
    "1203": "expired",
}

# Each has the body of an answer, with reason and error.
REFUSALS = {
    "400": "The request cannot be understood, or holds more commands than this user may send a minute",
    "401": "No API user has this name and password",
    "403": "A command that this user may not send",
    "404": "No path of the settings",
    "405": "Another method than POST or PUT",
    "408": "The body came too slowly",
    "413": f"The body is larger than {wire.MAX_BODY // 1024} KiB",
    "429": "Too many commands, or too many wrong passwords; see Retry-After",
}


@cache
def commands() -> dict[str, dict[str, Any]]:
    """Each command: its title, an example, and the schema of its data."""
    return {
        name: {"title": title, "example": EXAMPLES[name], "schema": _schema(name)}
        for name, title in TITLES.items()
    }


def document(server: str, message_path: str) -> dict[str, Any]:
    """OpenAPI 3.1. server: ``http://192.168.0.11:8899``; one path takes all commands."""
    bodies = [_body(name, one) for name, one in commands().items()]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "OTP-Pi",
            "version": "1",
            "description": "One path; the command in the body decides.",
        },
        "servers": [{"url": server}],
        "security": [{"basic": []}],
        "paths": {
            message_path: {
                "post": {
                    "operationId": "command",
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": {"oneOf": bodies}}},
                    },
                    "responses": {
                        "200": {
                            "description": "The outcome",
                            "content": {"application/json": {"schema": answer()}},
                        },
                        "202": {"description": "Accepted, with Prefer: respond-async"},
                        **{status: _refusal(why) for status, why in REFUSALS.items()},
                    },
                }
            },
            "/api/status/{id}": {
                "get": {
                    "operationId": "status",
                    "parameters": [
                        {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
                    ],
                    "responses": {
                        "200": {"description": "Where the message is"},
                        "401": _refusal(REFUSALS["401"]),
                        "404": _refusal("This user has no message of that id"),
                        "429": _refusal(REFUSALS["429"]),
                    },
                }
            },
        },
        "components": {"securitySchemes": {"basic": {"type": "http", "scheme": "basic"}}},
    }


def _body(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": one["title"],
        "type": "object",
        "required": ["command", "data"],
        "properties": {"command": {"const": name}, "data": one["schema"]},
        "examples": [{"command": name, "data": one["example"]}],
    }


def _refusal(why: str) -> dict[str, Any]:
    return {"description": why, "content": {"application/json": {"schema": answer()}}}


def _schema(name: str) -> dict[str, Any]:
    shape = wire.SHAPES.get(name)
    if shape is None:
        return {"type": "object"}
    schema = shape.model_json_schema(by_alias=False)
    properties = {
        field: {
            key: value for key, value in about.items() if key in ("type", "minLength", "default", "anyOf")
        }
        for field, about in schema["properties"].items()
    }
    for field in wire.labels(shape):
        properties[field]["type"] = ["string", "integer"]
    return {"type": "object", "properties": properties, "required": schema.get("required", [])}


def answer() -> dict[str, Any]:
    """The schema of every answer."""
    return {
        "type": "object",
        "required": ["command", "response_code", "data"],
        "properties": {
            "command": {"type": "string"},
            "response_code": {
                "enum": list(CODES),
                "description": "; ".join(f"{c}: {t}" for c, t in CODES.items()),
            },
            "data": {"type": "object"},
            "reason": {"type": "string"},
            "error": {"type": "string"},
        },
    }
