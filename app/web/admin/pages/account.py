"""One's own account: password, authenticator app, and the sessions that are open."""

from __future__ import annotations

from collections.abc import Mapping

from bottle import HTTPResponse

from app.settings.general import General
from app.settings.parse import from_form
from app.settings.problems import ChangedMeanwhile, Problem
from app.settings.users import User
from app.web.admin import forms, keeping, qr, totp
from app.web.admin.routes import VIEWER, Route
from app.web.admin.visit import Visit
from app.web.signin import Denied

OWN = ("name", "phone_number", "email")


def account(
    visit: Visit, problems: tuple[Problem, ...] = (), why: str = "", status: int = 200
) -> HTTPResponse:
    assert visit.session is not None
    given = visit.form if visit.request.method == "POST" and "email" in visit.form else None
    return visit.page(
        "account.html",
        status,
        fields=forms.fields(User, visit.user, problems, given, only=OWN),
        sessions=visit.door.sessions.of(visit.session.item),
        now=visit.house.clock.steady(),
        wall=visit.house.clock.wall(),
        why=why,
    )


def save(visit: Visit) -> HTTPResponse:
    assert visit.user is not None
    given = {name: visit.form[name] for name in OWN if name in visit.form}
    checked = from_form(User, {name: texts[-1] for name, texts in given.items()}, visit.user, whole=False)
    if checked.value is None:
        return account(visit, checked.problems, status=422)
    fields = keeping.different(visit.user, checked.value)
    if why := _doubt(visit):
        return account(visit, why=why, status=422)
    return _keep(visit, fields, "account.changed", visit.t("Saved."))


def password(visit: Visit) -> HTTPResponse:
    """A new password ends all other sessions of this user."""
    assert visit.session is not None and visit.user is not None
    if why := _doubt(visit):
        return account(visit, why=why, status=422)
    given = {"password": [visit.text("password")], "username": [visit.user.username]}
    checked = forms.checked(User, given, visit.user, visit.session.item, whole=False)
    problem = next((one.sentence for one in checked.problems), "")
    if checked.value is None or not visit.text("password"):
        return account(visit, why=visit.t(problem or "a new password must be given"), status=422)
    fields = {"password": checked.value.password}
    return _keep(visit, fields, "password.changed", visit.t("The new password is in force."))


def _doubt(visit: Visit) -> str:
    """Why the password that came along does not do, or "": a browser left open is not its owner."""
    wrong = visit.t("The password is wrong. Nothing was changed.")
    if not visit.text("old"):  # left out is not guessed
        return wrong
    try:
        visit.door.people.check_password(visit.name, visit.text("old"), visit.address)
    except Denied as denied:
        visit.note("refused", "the password of the account was wrong")
        return visit.t(str(denied)) if denied.retry_after else wrong
    return ""


def _keep(visit: Visit, fields: Mapping[str, object], what: str, notice: str) -> HTTPResponse:
    """Put fields of one's own into the settings, unless the password given counts no more by then."""
    assert visit.session is not None and visit.user is not None
    known = visit.user.password

    def put(now: User) -> User:
        if now.password != known:
            raise ChangedMeanwhile(User.about.name)
        return now.model_copy(update=fields)

    keeping.amend(visit.house, User, visit.session.item, put)
    visit.session.mark = str(fields.get("password", known))
    visit.note(what)
    return visit.go("/account", notice)


def authenticator(visit: Visit, why: str = "", status: int = 200) -> HTTPResponse:
    """A new key to take into an app; it counts once a code made with it was typed in."""
    assert visit.user is not None
    key = visit.text("key") if visit.request.method == "POST" else totp.new_key()
    address = totp.address(key, visit.user.username, visit.house.store.one(General).device_name)
    return visit.page("authenticator.html", status, key=key, picture=qr.drawn(address), why=why)


def set_authenticator(visit: Visit) -> HTTPResponse:
    assert visit.user is not None
    key = visit.text("key")
    checked = from_form(User, {"totp_key": key}, visit.user, whole=False)
    if checked.value is None or not key:
        return visit.go("/account/authenticator")
    if totp.period_of(key, visit.text("code"), visit.house.clock.wall()) is None:
        return authenticator(visit, visit.t("That is not the code the app shows now."), 422)
    if why := _doubt(visit):
        return authenticator(visit, why, 422)
    notice = visit.t("From now on signing in asks for a code.")
    return _keep(visit, keeping.different(visit.user, checked.value), "authenticator.set", notice)


def drop_authenticator(visit: Visit) -> HTTPResponse:
    if why := _doubt(visit):
        return account(visit, why=why, status=422)
    notice = visit.t("Signing in asks for the password alone.")
    return _keep(visit, {"totp_key": ""}, "authenticator.dropped", notice)


def end_session(visit: Visit, handle: str) -> HTTPResponse:
    assert visit.session is not None
    for session in visit.door.sessions.of(visit.session.item):
        if session.handle == handle:
            visit.door.sessions.end(session)
            visit.note("session.ended", session.address)
    return visit.go("/account")


routes = [
    Route("GET", "/account", account, VIEWER, place="system"),
    Route("POST", "/account", save, VIEWER, place="system"),
    Route("POST", "/account/password", password, VIEWER, place="system"),
    Route("GET", "/account/authenticator", authenticator, VIEWER, place="system"),
    Route("POST", "/account/authenticator", set_authenticator, VIEWER, place="system"),
    Route("POST", "/account/authenticator/drop", drop_authenticator, VIEWER, place="system"),
    Route("POST", "/account/sessions/<handle>", end_session, VIEWER, place="system"),
]
