"""Words to people: a notice for the administrators who are logged in, a test mail, alarms that were seen."""

from __future__ import annotations

from bottle import HTTPResponse

from app.core.errors import GatewayError
from app.settings.mail import EmailAccount
from app.web.admin.house import Action
from app.web.admin.routes import OPERATOR, VIEWER, Route
from app.web.admin.visit import Visit

LONGEST = 500


def broadcast(visit: Visit, why: str = "", status: int = 200) -> HTTPResponse:
    return visit.page(
        "broadcast.html",
        status,
        text=visit.text("text"),
        why=why,
        there=visit.door.administrators(),
        longest=LONGEST,
    )


def tell_all(visit: Visit) -> HTTPResponse:
    text = " ".join(visit.text("text").split())[:LONGEST]
    if not text:
        return broadcast(visit, visit.t("The message is empty."), 422)
    count = visit.door.tell_administrators(f"{visit.name}: {text}")
    visit.note("broadcast", text)
    return visit.go("/messages/broadcast", visit.t("Told %(count)s sessions of administrators.", count=count))


def notices(visit: Visit) -> HTTPResponse:
    """What came while the page was open."""
    return visit.page("part_notices.html")


def mail(visit: Visit, trial: object = None, why: str = "", status: int = 200) -> HTTPResponse:
    return visit.page(
        "mail_test.html",
        status,
        accounts=list(visit.house.store.items(EmailAccount)),
        account=visit.text("account"),
        receiver=visit.text("receiver") or (visit.user.email if visit.user else ""),
        trial=trial,
        why=why,
    )


def try_mail(visit: Visit) -> HTTPResponse:
    """One test mail, and the whole conversation with the server to show."""
    with visit.door.waiting() as admitted:
        if not admitted:
            return mail(visit, why=visit.t("Too many wait for an answer; try again in a moment."), status=503)
        try:
            trial = _test_of(visit).run(visit.text("account"), {"asked": visit.text("receiver").strip()})
        except GatewayError as error:
            return mail(visit, why=visit.t(str(error)), status=422)
    visit.note("email.tested", visit.text("account"))
    return mail(visit, trial)


def _test_of(visit: Visit) -> Action:
    """The button that the page of an e-mail account has, too."""
    return next(one for one in visit.house.actions["email"] if one.name == "test")


def seen(visit: Visit, handle: str) -> HTTPResponse:
    """An alarm that somebody takes care of leaves the pages."""
    item = visit.house.news.seen(handle)
    if item is not None:
        visit.note("alarm.seen", f"{item.what} {item.modem}")
    back = visit.text("from")
    return visit.go(back if back in ("/", "/inbox", "/modems", "/modems/ussd") else "/", visit.t("Done."))


routes = [
    Route("GET", "/messages/broadcast", broadcast, OPERATOR, place="messages"),
    Route("POST", "/messages/broadcast", tell_all, OPERATOR, place="messages"),
    Route("GET", "/part/notices", notices, VIEWER, quiet=True),
    Route("GET", "/messages/mail", mail, place="messages"),
    Route("POST", "/messages/mail", try_mail, place="messages"),
    Route("POST", "/alarms/<handle>", seen, OPERATOR),
]
