"""What can go wrong before an answer exists; the cause hangs on `__cause__`."""


class PublisherError(Exception):
    """Root of everything this package raises on purpose."""


class ConfigError(PublisherError, ValueError):
    """An option is missing, unknown or of the wrong kind."""


class MissingLibrary(PublisherError, ImportError):
    """The client library of a broker is not installed; the sentence names the extra."""


class NotPublished(PublisherError):
    """Nothing left this machine, or the other side certainly did not take it: trying again is safe."""


class ConnectionFailed(NotPublished, ConnectionError):
    """No connection: name, route, port, TLS or a timeout while connecting."""


class LoginRefused(NotPublished, PermissionError):
    """The other side answered, and did not accept the user, the password or the access to the topic."""


class NoSubscriber(NotPublished):
    """The broker took the message and found nobody to give it to."""


class FateUnknown(PublisherError):
    """The message went out and nothing certain came back. `Publisher` turns it into code 1111."""
