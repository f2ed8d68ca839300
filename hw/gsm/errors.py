"""The one error of the SMS codec: what was asked for, or what arrived, is not an SMS."""

from __future__ import annotations

from hw.errors import HwError


class PduError(HwError, ValueError):
    """A PDU cannot be read, or a message cannot be written as one.

    The sentence never holds message text or a PDU (which holds the text); positions and lengths only.
    """
