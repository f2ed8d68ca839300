"""The public door of the SMS codec: text to SMS-SUBMIT, and any received PDU to a message."""

from __future__ import annotations

from hw.gsm.address import Address
from hw.gsm.decode import Direction, decode
from hw.gsm.errors import PduError
from hw.gsm.messages import Content, Deliver, Message, Outcome, StatusReport, Submit
from hw.gsm.submit import PartCount, SubmitPdu, encode_submit, measure

__all__ = [
    "Address",
    "Content",
    "Deliver",
    "Direction",
    "Message",
    "Outcome",
    "PartCount",
    "PduError",
    "StatusReport",
    "Submit",
    "SubmitPdu",
    "decode",
    "encode_submit",
    "measure",
]
