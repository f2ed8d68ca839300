"""Send one-time passwords and messages through an OTP-Pi, over REST or a message broker."""

from .errors import (
    ConfigError,
    ConnectionFailed,
    LoginRefused,
    MissingLibrary,
    NoSubscriber,
    NotPublished,
    PublisherError,
)
from .publisher import Publisher
from .result import Result

__all__ = [
    "ConfigError",
    "ConnectionFailed",
    "LoginRefused",
    "MissingLibrary",
    "NoSubscriber",
    "NotPublished",
    "Publisher",
    "PublisherError",
    "Result",
]
