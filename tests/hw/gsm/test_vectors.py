"""The codec against the conformance vectors of the field, where they lie beside the project."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from hw.gsm import national
from hw.gsm.address import Address, decode_address, decode_smsc, encode_address, encode_smsc
from hw.gsm.charset import decode_septets, encode_septets
from hw.gsm.messages import Content, Deliver, Message, StatusReport, Submit
from hw.gsm.packing import pack, unpack
from hw.gsm.pdu import PduError, decode, encode_submit
from hw.gsm.timestamp import Validity, decode_time, encode_time, relative_octet, relative_seconds

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "vectors"
Vector = dict[str, Any]


def vectors(*names: str) -> list[Any]:
    """One parameter a vector; one that skips when the folder is absent."""
    if not FOLDER.is_dir():
        absent = pytest.mark.skip(reason="no conformance vectors: ../shared/vectors is not there")
        return [pytest.param({}, id="absent", marks=absent)]
    return [
        pytest.param(vector, id=vector["id"])
        for name in names
        for vector in json.loads((FOLDER / f"{name}.json").read_text("utf-8"))["vectors"]
    ]


# -- whole PDUs


def _validity(validity: Validity | None, expected: Vector | None) -> object:
    """What was read, with the keys that the vector names."""
    if validity is None or expected is None:
        return validity
    fields = {
        "format": validity.format,
        "value": validity.value,
        "seconds": validity.seconds,
        "raw": validity.raw.hex().upper(),
        "time": validity.time and validity.time.isoformat(),
    }
    return {key: fields[key] for key in expected}


def _content(content: Content) -> Vector:
    concat, ports = content.concat, content.ports
    return {
        "alphabet": content.alphabet,
        "class": content.message_class,
        "mwi": content.mwi
        and {"type": content.mwi.type, "active": content.mwi.active, "store": content.mwi.store},
        "udl": content.udl,
        "udh": [{"iei": element.iei, "data": element.data.hex().upper()} for element in content.elements],
        "concat": concat
        and {"ref": concat.ref, "bits": concat.bits, "total": concat.total, "seq": concat.seq},
        "concat_valid": content.part_of is not None,
        "ports": ports and {"dst": ports.dst, "src": ports.src, "bits": ports.bits},
        "national": {"locking": content.tables[0], "single_shift": content.tables[1]},
        "septets": len(content.units) if content.alphabet == "gsm7" else None,
        "text": content.text,
        "data": content.data and content.data.hex().upper() if content.data != b"" else "",
        "utf16be": content.units.hex().upper(),
        "ud_truncated": content.truncated,
        "ud_extra": content.extra,
    }


def _fields(message: Message) -> Vector:
    fields: Vector = {
        "smsc": message.smsc,
        "tpdu_len": message.tpdu_length,
        "first_octet": message.first_octet,
        "address": {
            "number": message.address.number,
            "ton": message.address.ton,
            "npi": message.address.npi,
            "toa": message.address.toa,
        },
        "pid": message.pid,
        "dcs": message.dcs,
    }
    if message.content is not None:
        fields |= _content(message.content)
    match message:
        case Deliver():
            fields |= {"type": "SMS-DELIVER", "more_to_send": message.more_to_send, "scts": message.scts}
        case Submit():
            fields |= {
                "type": "SMS-SUBMIT",
                "mr": message.message_reference,
                "srr": message.report_requested,
                "rd": message.reject_duplicates,
                "validity": message.validity,
            }
        case StatusReport():
            fields |= {
                "type": "SMS-STATUS-REPORT",
                "mr": message.message_reference,
                "more_to_send": message.more_to_send,
                "scts": message.scts,
                "discharge": message.discharge,
                "status": message.status,
                "outcome": message.outcome,
            }
    return fields


def _same_instant(read: datetime | None, expected: str | None, century_optional: bool) -> bool:
    if read is None or expected is None:
        return read is expected
    wanted = datetime.fromisoformat(expected)
    if century_optional and abs(read.year - wanted.year) == 100:
        wanted = wanted.replace(year=read.year)
    return read == wanted and read.utcoffset() == wanted.utcoffset()


_PERMISSIONS = {
    "may_reject",
    "century_optional",
    "scts_optional",
    "discharge_optional",
    "number_any",
    "text_any",
}


@pytest.mark.parametrize("vector", vectors("deliver", "submit", "status_report", "gammu_encode_bulk"))
def test_decode(vector: Vector) -> None:
    expect = dict(vector["expect"])
    forced = vector.get("force_tables")
    try:
        message = decode(
            vector["pdu"],
            direction=vector["direction"],
            has_smsc=vector["has_smsc"],
            tables=forced and (forced["locking"], forced["single_shift"]),
        )
    except PduError:
        assert expect.get("may_reject"), "refused"
        return
    fields = _fields(message)
    for key, expected in expect.items():
        if key in _PERMISSIONS:
            continue
        if key in {"scts", "discharge"}:
            allowed = expect.get(f"{key}_optional") and fields[key] is None
            assert allowed or _same_instant(fields[key], expected, expect.get("century_optional", False)), key
        elif key == "validity":
            validity = _validity(fields["validity"], expected)
            if expected and "time" in expected:
                read, wanted = fields["validity"].time, expected["time"]
                assert _same_instant(read, wanted, False)
                assert (validity, expected) == ({**expected, "time": read.isoformat()}, expected)
            else:
                assert validity == expected
        elif key == "text":
            assert fields["text"] in (expected, *expect.get("text_any", ()))
        elif key == "address" and "number_any" in expect:
            assert fields["address"]["number"] in expect["number_any"]
        else:
            assert fields[key] == expected, key


@pytest.mark.parametrize("vector", vectors("invalid"))
def test_malformed_is_refused_or_kept_as_not_understood(vector: Vector) -> None:
    try:
        message = decode(vector["pdu"])
    except PduError:
        return
    assert message.problems
    assert message.raw == vector["pdu"].upper()


# -- fields


@pytest.mark.parametrize("vector", vectors("gsm7"))
def test_septets(vector: Vector) -> None:
    septets, packed, fill = (
        bytes.fromhex(vector["septets"]),
        bytes.fromhex(vector["packed"]),
        vector["fill_bits"],
    )
    assert len(septets) == vector["count"]
    assert pack(septets, fill) == packed
    assert unpack(packed, vector["count"], fill) == septets
    if vector["text"] is not None:
        assert encode_septets(vector["text"]) == septets
        assert decode_septets(septets) == vector["text"]


def _tables() -> list[Any]:
    if not FOLDER.is_dir():
        return vectors()
    file = json.loads((FOLDER / "gsm7.json").read_text("utf-8"))
    default = {"locking": file["default_table"], "single_shift": file["extension_table"]}
    named = {"0 default": default} | file["national"]
    return [pytest.param((int(name.split()[0]), tables), id=name) for name, tables in named.items()]


@pytest.mark.parametrize("table", _tables())
def test_whole_tables(table: tuple[int, Any]) -> None:
    language, expected = table
    locking = {place: char for place, char in enumerate(national.LOCKING[language]) if char != national.BLANK}
    assert locking == {int(place, 16): char for place, char in expected["locking"].items()}
    single = {int(place, 16): char for place, char in expected["single_shift"].items()}
    assert dict(national.SINGLE[language]) == single
    for place, char in locking.items():
        assert decode_septets(bytes((place,)), (language, 0)) == char
    for place, char in single.items():
        assert decode_septets(bytes((0x1B, place)), (0, language)) == char


@pytest.mark.parametrize("vector", vectors("addresses"))
def test_addresses(vector: Vector) -> None:
    octets = bytes.fromhex(vector["hex"])
    if vector["field"] == "smsc":
        assert decode_smsc(octets + b"\0") == (vector["number"], len(octets))
        assert encode_smsc(Address(vector["number"], octets[1])) == octets
        return
    address, end = decode_address(octets, 0)
    assert end == len(octets)
    assert address.ton == vector["ton"]
    if "number_any" in vector:
        assert address.number in vector["number_any"]
    else:
        assert address.number == vector["number"]
        assert encode_address(Address(vector["number"], octets[1])) == octets


@pytest.mark.parametrize("vector", vectors("timestamps"))
def test_timestamps(vector: Vector) -> None:
    octets = bytes.fromhex(vector["hex"])
    assert _same_instant(decode_time(octets), vector["iso"], False)
    assert encode_time(datetime.fromisoformat(vector["iso"])) == octets


@pytest.mark.parametrize("vector", vectors("validity"))
def test_validity(vector: Vector) -> None:
    if vector["encode"]:
        assert relative_octet(vector["seconds"]) == vector["octet"]
    assert relative_seconds(vector["octet"]) == vector["seconds"]


# -- text to parts


@pytest.mark.parametrize("wide", [False, True], ids=["8bit", "16bit"])
@pytest.mark.parametrize("vector", vectors("segmentation"))
def test_segmentation(vector: Vector, wide: bool) -> None:
    tables = vector.get("national")
    expected = vector["parts_16bit" if wide else "parts_8bit"]
    # The reference stands behind UDHL, IEI and its length; a single part has none.
    reference = int(expected[0]["ud"][6:10], 16) if wide and len(expected) > 1 else vector["ref"]
    pdus = encode_submit(
        "+6281234567890",
        vector["text"],
        reference=reference,
        wide_reference=wide,
        validity=86400,
        report=True,
        national=(tables["locking"], tables["single_shift"]) if tables else False,
    )
    assert [pdu.hex for pdu in pdus] == ["00" + part["pdu_cmgs_tpdu"] for part in expected]
    assert [pdu.tpdu_length for pdu in pdus] == [part["tpdu_len"] for part in expected]
    assert [(pdu.part, pdu.parts) for pdu in pdus] == [
        (n, len(expected)) for n in range(1, len(expected) + 1)
    ]
    for pdu, part in zip(pdus, expected, strict=True):
        assert pdu.hex.endswith(f"{part['udl']:02X}{part['ud']}")
        read = decode(pdu.hex, direction="MO")
        assert isinstance(read, Submit)
        assert (read.text, read.dcs, bool(read.content.elements)) == (part["text"], part["dcs"], part["udhi"])
