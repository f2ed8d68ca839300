"""The command line: serve, try, the commands of the settings and those of the device."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from app.settings import commandline
from app.system import commandline as device


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="otppi", description="OTP-Pi: one-time passwords by SMS.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    serve = _serving(commands.add_parser("serve", help="run the gateway"))
    serve.add_argument(
        "--bench",
        type=int,
        metavar="N",
        help="with N simulated modems that need no time, in a home of its own",
    )
    serve.set_defaults(run=_serve)
    trying = _serving(commands.add_parser("try", help="run the gateway ready to use, to get to know it"))
    trying.add_argument("--modem", metavar="PORT", help="a real modem in place of the four simulated ones")
    trying.set_defaults(run=_try)
    commandline.add_commands(commands)
    device.add_commands(commands)
    arguments = parser.parse_args(words)
    status: int = arguments.run(arguments)
    return status


def _serving(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--home", type=Path, metavar="DIR", help="where everything is kept")
    parser.add_argument(
        "--admin-port", type=int, default=8888, metavar="P", help="port of the browser admin; 0: none (8888)"
    )
    parser.add_argument(
        "--admin-https-port", type=int, default=8443, metavar="P", help="the same by HTTPS; 0: none (8443)"
    )
    parser.add_argument(
        "--log-level",
        default=os.environ.get("OTPPI_LOG", "INFO").upper(),
        choices=("DEBUG", "INFO", "WARNING", "ERROR"),
        help="DEBUG shows the dialogue with the modems, without message contents",
    )
    return parser


# The service is imported only when it is to run: `set` on a small machine should not wait for it.


def _serve(arguments: argparse.Namespace) -> int:
    _log_to_stdout(arguments.log_level)
    from app import running

    if arguments.bench:
        return running.bench(arguments.bench)
    return running.serve(commandline.home_of(arguments), (arguments.admin_port, arguments.admin_https_port))


def _try(arguments: argparse.Namespace) -> int:
    _log_to_stdout(arguments.log_level)
    from app import running

    ports = (arguments.admin_port, arguments.admin_https_port)
    return running.try_out(commandline.home_of(arguments), arguments.modem, ports)


def _log_to_stdout(level: str) -> None:
    """journald keeps what stands on stdout, and adds the time itself."""
    under_systemd = "JOURNAL_STREAM" in os.environ
    logging.basicConfig(
        level=level,
        stream=sys.stdout,
        format=("" if under_systemd else "%(asctime)s ")
        + "%(levelname)s %(threadName)s %(name)s: %(message)s",
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        sys.exit(1)
