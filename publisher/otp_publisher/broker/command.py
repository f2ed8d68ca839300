"""`otp-publisher broker`: reads the flags, listens, and stops politely on SIGTERM."""

import argparse
import asyncio
import logging
import signal
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import MissingLibrary
from .limits import Limits

log = logging.getLogger("otp_publisher.broker")

_LOOK_EVERY = 2.0
_SPARE_FILES = 64


def main(arguments: Sequence[str]) -> int:
    """0 after SIGTERM or SIGINT, 2 when it cannot start."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.INFO,
        format="%(levelname)s %(message)s",
        stream=sys.stderr,
        force=True,
    )
    try:
        asyncio.run(_run(options))
    except (OSError, ssl.SSLError, ValueError, MissingLibrary) as error:
        log.error("%s", error)
        return 2
    return 0


async def _run(options: argparse.Namespace) -> None:
    try:
        from . import htpasswd, server, topics
        from .certificate import Certificate
        from .doorman import Doorman
        from .watched import Watched
    except ImportError as error:
        raise MissingLibrary(f"{error}: pip install 'otp-publisher[broker]'") from error

    limits = Limits(
        message=options.max_message,
        clients=options.max_clients,
        queue_messages=options.queue_messages,
        queue_bytes=options.queue_bytes,
        ping_interval=options.ping_interval,
    )
    _allow_open_files(limits.clients + limits.knocking + _SPARE_FILES)
    doorman = Doorman(Watched(Path(options.htpasswd), htpasswd.parse), limits.pending_logins)
    rules = Watched(Path(options.topics), topics.parse) if options.topics else None
    certificate = Certificate(options.certfile, options.keyfile) if options.certfile else None
    broker = server.Broker(doorman, limits, rules)

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    if sys.platform != "win32":
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
    host, port = options.listen
    listener = await broker.listen(host, port, certificate.context if certificate else None)
    for sock in listener.sockets:
        log.info("listening on %s:%d%s", *sock.getsockname()[:2], " with TLS" if certificate else "")
    looking = asyncio.create_task(
        server.watch(broker, _LOOK_EVERY, certificate.reload if certificate else lambda: None)
    )
    try:
        await stop.wait()
    finally:
        looking.cancel()
        listener.close()
        await listener.wait_closed()
        doorman.close()
    log.info("stopped")


def _allow_open_files(wanted: int) -> None:
    """Raise the soft limit as far as the hard one allows; ValueError where that is not enough."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise ValueError(f"this system allows {hard} open files; --max-clients needs {wanted}")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _parser() -> argparse.ArgumentParser:
    limits = Limits()
    parser = argparse.ArgumentParser(
        "otp-publisher broker",
        description="A WebSocket message broker: GET /any/path?topic=T with Basic authentication.",
        epilog="GET /health answers without, GET /metrics (Prometheus) with a login.",
    )
    parser.add_argument("--listen", type=_address, default=("0.0.0.0", 8000), metavar="HOST:PORT")
    parser.add_argument("--htpasswd", required=True, metavar="FILE", help="bcrypt, apr1, SHA, $5$ or $6$")
    parser.add_argument(
        "--topics", metavar="FILE", help="lines of `user: topic sms.reply.*`; without it, any topic"
    )
    parser.add_argument("--certfile", metavar="FILE", help="PEM; turns TLS on")
    parser.add_argument("--keyfile", metavar="FILE", help="PEM, where the key is not in --certfile")
    parser.add_argument("--max-message", type=int, default=limits.message, metavar="BYTES")
    parser.add_argument("--max-clients", type=int, default=limits.clients, metavar="N")
    parser.add_argument("--queue-messages", type=int, default=limits.queue_messages, metavar="N")
    parser.add_argument("--queue-bytes", type=int, default=limits.queue_bytes, metavar="BYTES")
    parser.add_argument(
        "--ping-interval", type=float, default=limits.ping_interval, metavar="S", help="15 at least"
    )
    parser.add_argument("--verbose", action="store_true")
    return parser


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.removeprefix("[").removesuffix("]") or "0.0.0.0", int(port)
