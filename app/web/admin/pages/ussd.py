"""USSD: a code, the network's answer, a menu answered or cancelled; and the credit of the SIM cards."""

from __future__ import annotations

from bottle import HTTPResponse

from app.core.commands import AnswerUssd, CancelUssd, RequestUssd
from app.core.errors import GatewayError
from app.core.replies import Reply
from app.web.admin.asking import asked
from app.web.admin.routes import OPERATOR, Route
from app.web.admin.visit import Visit


def ussd(
    visit: Visit, reply: Reply | None = None, said: str = "", why: str = "", status: int = 200
) -> HTTPResponse:
    """said: what was asked or answered, for the reader to see beside what came of it."""
    cards = [card for card in visit.house.modems.cards() if card["active"] and not card["internet_access"]]
    return visit.page(
        "ussd.html",
        status,
        modems=cards,
        modem=visit.text("modem") or visit.asked("modem"),
        names={card["id"]: card["name"] for card in cards},
        code=visit.text("code"),
        data=reply.data if reply is not None and reply.ok else None,
        said=said,
        why=why or (visit.t(reply.error) if reply is not None and not reply.ok else ""),
        balances=visit.house.exchange.balances.state(),
        alarms=[one for one in visit.house.news.items() if one.what == "balance"],
    )


def act(visit: Visit) -> HTTPResponse:
    do, modem = visit.text("do"), visit.text("modem")
    if do == "cancel":
        reply = asked(visit, CancelUssd("cancel-ussd", modem))
        if reply.ok:
            visit.tell(visit.t("The session was ended."))
        return ussd(visit, None if reply.ok else reply, status=200 if reply.ok else 422)
    if do == "answer":
        said = visit.text("answer").strip()
        reply = asked(visit, AnswerUssd("answer-ussd", modem, said))
    else:
        said = visit.text("code").strip()
        reply = asked(visit, RequestUssd("request-ussd", modem, said))
        visit.note("ussd.asked", modem)  # not the code: it may hold a PIN of the operator's
    return ussd(visit, reply, said, status=200 if reply.ok else 422)


def balance(visit: Visit) -> HTTPResponse:
    """Ask for the credit before its time; the answer appears when it comes."""
    modem = visit.text("modem")
    try:
        visit.house.exchange.balances.ask(modem, visit.text("code"))
    except GatewayError as error:
        return visit.go("/modems/ussd", visit.t(str(error)), "bad")
    visit.note("balance.asked", modem)
    return visit.go("/modems/ussd", visit.t("The network is being asked; look again in a moment."))


routes = [
    Route("GET", "/modems/ussd", ussd, OPERATOR, place="modems"),
    Route("POST", "/modems/ussd", act, OPERATOR, place="modems"),
    Route("POST", "/modems/balance", balance, OPERATOR, place="modems"),
]
