"""What a fresh installation has: REST on the standard library alone, and words for what is missing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "otp_publisher"
WITHOUT = """
import sys
for name in ("pika", "paho", "redis", "stomp", "websockets", "bcrypt", "passlib"):
    sys.modules[name] = None
"""


def run(program: str) -> str:
    command = [sys.executable, "-c", WITHOUT + program]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_rest_needs_nothing_but_the_standard_library() -> None:
    assert run("from otp_publisher import Publisher; Publisher('REST'); sys.stdout.write('fine')") == "fine"


@pytest.mark.parametrize(
    ("method", "extra"),
    [("AMQP", "amqp"), ("MQTT", "mqtt"), ("REDIS", "redis"), ("STOMP", "stomp"), ("WS", "ws")],
)
def test_a_missing_library_names_its_extra(method: str, extra: str) -> None:
    program = f"""
from otp_publisher import MissingLibrary, Publisher
try:
    Publisher({method!r})
except MissingLibrary as error:
    sys.stdout.write(str(error))
"""
    assert f"pip install 'otp-publisher[{extra}]'" in run(program)


def test_the_broker_names_its_extra_too() -> None:
    program = (
        "from otp_publisher.cli import main; sys.stdout.write(str(main(['broker', '--htpasswd', '/x'])))"
    )
    assert run(program) == "2"


def test_nothing_of_the_device_is_imported() -> None:
    """The law of imports: application servers have neither `app` nor `hw`."""
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names.append(str(node.module))
            assert not [name for name in names if name.split(".")[0] in ("app", "hw")], file
