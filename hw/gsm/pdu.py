"""The public door of the SMS codec: text to PDUs, and any received PDU to a message."""

from __future__ import annotations

from hw.gsm.address import Address
from hw.gsm.decode import Direction, decode
from hw.gsm.deliver import encode_deliver, encode_status_report
from hw.gsm.errors import PduError
from hw.gsm.messages import Content, Deliver, Message, Outcome, StatusReport, Submit
from hw.gsm.reassembly import Joined, Shelf
from hw.gsm.submit import PartCount, SubmitPdu, encode_submit, measure

__all__ = [
    "Address",
    "Content",
    "Deliver",
    "Direction",
    "Joined",
    "Message",
    "Outcome",
    "PartCount",
    "PduError",
    "Shelf",
    "StatusReport",
    "Submit",
    "SubmitPdu",
    "decode",
    "encode_deliver",
    "encode_status_report",
    "encode_submit",
    "measure",
]
