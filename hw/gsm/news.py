"""Turn an unsolicited line into what it means for the gateway."""

from __future__ import annotations

from hw.at import replies, stored
from hw.at.codec import News
from hw.gsm.events import (
    DirectMessage,
    Event,
    LateReference,
    MessageArrived,
    RegistrationChanged,
    ReportArrived,
    ReportStored,
    SimChanged,
    StoreFull,
)


def event_of(news: News) -> Event | None:
    """The event behind a line; None for noise and for what nobody needs."""
    prefix = news.prefix
    if prefix in ("+CMTI", "+CDSI"):
        place = stored.place(news.text)
        if prefix == "+CDSI":
            return ReportStored(place.memory, place.index)
        return MessageArrived(place.memory, place.index)
    if prefix == "+CMT":
        return DirectMessage(news.body) if news.body else MessageArrived(None, None)
    if prefix == "+CDS":
        return ReportArrived(news.body) if news.body else None
    if prefix in ("+CREG", "+CGREG", "+CEREG", "+C5GREG"):
        return RegistrationChanged(replies.registration((news.text,)))
    if prefix == "+CMGS":
        return LateReference(stored.reference((news.text,)))
    if prefix == "^SMMEMFULL" or news.text == "+SMS FULL":
        return StoreFull()
    if prefix == "+CPIN":
        return SimChanged(replies.sim_state((news.text,)) or "unknown")
    if news.text == "SIM REMOVED" or (prefix == "+QUSIM" and news.text.endswith(": 0")):
        return SimChanged("REMOVED")
    return None
