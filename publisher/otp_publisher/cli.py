"""The command line: one command a call, JSON on stdout, and an exit status a shell script can decide by."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .errors import PublisherError
from .publisher import Publisher
from .result import Result

SENT, REFUSED, USAGE_OR_CONNECTION, FATE_UNKNOWN = 0, 1, 2, 3

_DESCRIPTION = """\
Send one-time passwords and messages through an OTP-Pi.

Where to send comes from config.ini (--config, $OTP_PUBLISHER_CONFIG, or ./config.ini); --set overrides an
option of its method's section. `-` instead of a text, a code or a password reads one from standard input,
which keeps it out of the list of processes."""

_EPILOG = "exit status: 0 sent, 1 refused, 2 wrong usage or no connection, 3 fate unknown"


def run() -> None:
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status; argparse itself leaves with 2 for wrong usage."""
    logging.basicConfig(level=logging.WARNING, format="otp-publisher: %(message)s", stream=sys.stderr)
    for library in ("pika", "stomp.py", "websockets", "paho"):
        # Their troubles reach the user as one sentence of ours.
        logging.getLogger(library).setLevel(logging.CRITICAL)
    if arguments[:1] == ["broker"]:
        from .broker.command import main as broker

        return broker(arguments[1:])
    options = _parser().parse_args(arguments)
    try:
        result: Result = options.act(_publisher(options), options)
    except (PublisherError, OSError) as error:
        _print({"error": str(error), "cause": _cause(error)})
        return USAGE_OR_CONNECTION
    except Exception as error:
        # Python itself would leave with 1, which says that nothing was sent. The text may hold a message.
        _print({"error": f"an unforeseen {type(error).__name__}; it may have been sent"})
        return FATE_UNKNOWN
    _print(result.as_dict())
    if result.unknown:
        return FATE_UNKNOWN
    return SENT if result.ok else REFUSED


def _publisher(options: argparse.Namespace) -> Publisher:
    settings = dict(options.set or [])
    common = {
        "timeout": options.timeout,
        "connect_timeout": options.connect_timeout,
        "callback": options.wait,
    }
    if taken := {"method", "wall", *common} & settings.keys():
        raise PublisherError(f"--set cannot change {', '.join(sorted(taken))}")
    if options.method:
        if password := os.environ.get("OTP_PUBLISHER_PASSWORD"):
            settings.setdefault("password", password)
        return Publisher(options.method, **common, **settings)
    path = options.config or os.environ.get("OTP_PUBLISHER_CONFIG") or "config.ini"
    return Publisher.from_ini(Path(path), **common, **settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "otp-publisher",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", help="the PHP library's config.ini works as it is")
    parser.add_argument(
        "--method", metavar="METHOD", help="REST, AMQP, MQTT, REDIS, STOMP or WS, instead of a file"
    )
    parser.add_argument(
        "--set",
        metavar="OPTION=VALUE",
        type=_setting,
        action="append",
        help="goes before the file; with --method the password comes from $OTP_PUBLISHER_PASSWORD",
    )
    parser.add_argument("--timeout", type=_seconds, default=60.0, metavar="S", help="for the whole call (60)")
    parser.add_argument(
        "--connect-timeout", type=_seconds, default=10.0, metavar="S", help="for connecting (10)"
    )
    parser.add_argument(
        "--wait",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="over a broker, wait for the device's answer; without it a published message ends with status 3",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, act: Callable[[Publisher, argparse.Namespace], Result], text: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(act=act)
        return added

    sms = command("send-sms", _send_sms, "send an SMS")
    sms.add_argument("receiver")
    sms.add_argument("text")
    _add_id_and_lifetime(sms)

    email = command("send-email", _send_email, "send a mail")
    email.add_argument("receiver")
    email.add_argument("subject")
    email.add_argument("text")
    _add_id_and_lifetime(email)

    create = command("create-otp", _create_otp, "make a code and send it")
    create.add_argument("receiver")
    create.add_argument("reference", help="names the transaction; needed again to verify")
    create.add_argument("--message", default="Your OTP is %s", help="with exactly one %%s")
    create.add_argument("--subject", help="for mail")
    create.add_argument(
        "--param", action="append", default=[], help="what else the code is bound to; up to four"
    )
    _add_id_and_lifetime(create)

    verify = command("verify-otp", _verify_otp, "check a code")
    verify.add_argument("receiver")
    verify.add_argument("reference")
    verify.add_argument("otp")
    verify.add_argument("--param", action="append", default=[])

    command("block", _block, "block a number").add_argument("receiver")
    command("unblock", _unblock, "unblock a number").add_argument("receiver")
    command("modems", lambda publisher, _: publisher.get_modem_list(), "list the modems")

    ussd = command("ussd", _ussd, "ask the network by USSD")
    ussd.add_argument("code", help="for instance *123#")
    ussd.add_argument("modem_id", help="as `modems` lists it")

    commands.add_parser("broker", help="run the WebSocket broker", add_help=False)
    return parser


def _add_id_and_lifetime(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--id", help="the same id, receiver and text is sent once")
    parser.add_argument(
        "--lifetime", type=int, metavar="S", help="seconds after which it is not worth sending"
    )


def _send_sms(publisher: Publisher, options: argparse.Namespace) -> Result:
    return publisher.send_sms(options.receiver, _text(options.text), id=options.id, lifetime=options.lifetime)


def _send_email(publisher: Publisher, options: argparse.Namespace) -> Result:
    text = _text(options.text)
    return publisher.send_email(
        options.receiver, options.subject, text, id=options.id, lifetime=options.lifetime
    )


def _create_otp(publisher: Publisher, options: argparse.Namespace) -> Result:
    return publisher.create_otp(
        options.receiver,
        options.id,
        options.reference,
        options.lifetime,
        options.message,
        options.param,
        options.subject,
    )


def _verify_otp(publisher: Publisher, options: argparse.Namespace) -> Result:
    return publisher.verify_otp(options.receiver, _text(options.otp), options.reference, options.param)


def _block(publisher: Publisher, options: argparse.Namespace) -> Result:
    return publisher.block_msisdn(options.receiver)


def _unblock(publisher: Publisher, options: argparse.Namespace) -> Result:
    return publisher.unblock_msisdn(options.receiver)


def _ussd(publisher: Publisher, options: argparse.Namespace) -> Result:
    return publisher.request_ussd(options.code, options.modem_id)


def _text(argument: str) -> str:
    return sys.stdin.read().rstrip("\n") if argument == "-" else argument


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not OPTION=VALUE")
    return name.strip().lower(), value


def _seconds(text: str) -> float:
    seconds = float(text)
    if seconds <= 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return seconds


def _cause(error: BaseException) -> str:
    """The innermost cause with its type, for whoever has to mend it."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return f"{type(error).__name__}: {error}"


def _print(answer: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
