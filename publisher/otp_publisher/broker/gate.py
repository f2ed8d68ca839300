"""What a handshake asks for: which topic, as whom. Values in, values out."""

import base64
import binascii
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

LONGEST_TOPIC = 255


@dataclass(frozen=True)
class Login:
    """User and password of a Basic header (RFC 7617); the password keeps its bytes as they came."""

    user: str
    password: bytes = field(repr=False)


class BadTopic(ValueError):
    """The address names no usable topic; the sentence says what is missing."""


def topic_of(target: str) -> str:
    """The topic of `/any/path?topic=T`, or of its alias `channel`."""
    try:
        query = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True, errors="strict"))
    except ValueError:
        raise BadTopic("the address is not valid") from None
    topic = query.get("topic") or query.get("channel") or ""
    if not topic:
        raise BadTopic("the address lacks ?topic=")
    if len(topic) > LONGEST_TOPIC:
        raise BadTopic(f"a topic has at most {LONGEST_TOPIC} characters")
    return topic


def login_of(headers: list[str]) -> Login | None:
    """The login of the one Authorization header; None for none, several, another scheme or garbage."""
    if len(headers) != 1:
        return None
    scheme, _, encoded = headers[0].strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    if not colon or not user:
        return None
    try:
        return Login(user.decode(), password)
    except UnicodeDecodeError:
        return Login(user.decode("latin-1"), password)
