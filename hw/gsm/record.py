"""``scripts/record-modem PORT``: a session with a real modem becomes a profile and a recorded dialogue."""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from hw.errors import HwError
from hw.gsm.dialects import Dialect
from hw.gsm.modem import GsmModem
from hw.gsm.recording import as_json, cleaned, read_spy
from hw.gsm.start import Identity
from hw.ports import Line

#: Questions that tell how a family speaks; none of them changes anything that outlives a restart.
QUESTIONS = (
    "ATI",
    "AT+GMI",
    "AT+CNMI?",
    "AT+CNMI=?",
    "AT+CPMS=?",
    "AT+CSCS=?",
    "AT+CUSD?",
    "AT+CFUN?",
    "AT+CREG?",
    "AT+CEREG?",
    "AT+CSQ",
    "AT+COPS?",
    "AT^CPIN?",
    "AT+SPIC",
    'AT+QPINC="SC"',
    "AT+CPINR",
    "AT^ICCID?",
    "AT+CCID",
    "AT+QCCID",
    "AT+CICCID",
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/record-modem", description=__doc__)
    parser.add_argument("port", help="such as /dev/ttyUSB2")
    parser.add_argument("--baud", type=int, default=115200)
    parser.add_argument("--pin", help="the SIM card's PIN; it is left out of the recording")
    parser.add_argument("--out", type=Path, default=Path("build/recordings"))
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="otppi-record-") as folder:
        log = Path(folder) / "spy.log"  # it holds numbers of people and the PIN: never kept
        try:
            identity = _session(options.port, options.baud, options.pin, log)
        except HwError as error:
            print(error, file=sys.stderr)
            return 1
        dialogue = cleaned(read_spy(log.read_text("latin-1").splitlines()))
    name = (
        re.sub(r"[^a-z0-9]+", "-", f"{identity.manufacturer} {identity.model}".lower()).strip("-") or "modem"
    )
    options.out.mkdir(parents=True, exist_ok=True)
    record = {
        "manufacturer": identity.manufacturer,
        "model": identity.model,
        "dialect": identity.dialect.name,
        "dialogue": as_json(dialogue),
    }
    (options.out / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    (options.out / f"{name}.toml").write_text(profile(identity), "utf-8")
    print(f"{options.out}/{name}.json: put it into tests/hw/gsm/recordings, where it is played again")
    print(f"{options.out}/{name}.toml: a profile to correct, for hw/gsm/dialects")
    return 0


def _session(port: str, baud: int, pin: str | None, log: Path) -> Identity:
    modem = GsmModem.open(f"spy://{port}?file={log}", line=Line(baud), name="record")
    try:
        identity = modem.start(pin)
        for question in QUESTIONS:
            with suppress(HwError):
                modem.ask(question, 10.0)
        return identity
    finally:
        modem.close()


def profile(identity: Identity) -> str:
    """A data file of hw/gsm/dialects with what was found; what was not is the family's, or generic."""
    known: Dialect = identity.dialect
    lines = [
        f"# {identity.manufacturer} {identity.model}, as recorded. Correct it before it is used.",
        f"name = {json.dumps(identity.model or 'modem')}",
        f"manufacturer = {json.dumps(re.escape(identity.manufacturer))}",
        f"model = {json.dumps(re.escape(identity.model))}",
        f"silence = {json.dumps(list(known.silence))}",
        f"ussd = {json.dumps(known.ussd)}",
    ]
    if identity.news is not None:
        lines.append(f"cnmi = {json.dumps([identity.news])}")
    if identity.store is not None and identity.store.name:
        lines.append(f"stores = {json.dumps([identity.store.name])}")
    lines += [f"pin_tries = {json.dumps(known.pin_tries)}", f"imei_write = {json.dumps(known.imei_write)}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
