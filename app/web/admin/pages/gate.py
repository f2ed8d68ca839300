"""The way in: language, set-up code, password, authenticator code, forgotten password, and out again."""

from __future__ import annotations

from bottle import HTTPResponse

from app.core.commands import SendEmail, SendSms, Source
from app.core.errors import GatewayError
from app.settings.problems import Problem, Refused
from app.settings.section import item_id
from app.settings.users import User
from app.web.admin import forms, keeping, language
from app.web.admin.routes import ADMINISTRATOR, PUBLIC, VIEWER, Route
from app.web.admin.visit import Visit
from app.web.guard import neighbourhood
from app.web.signin import Denied

SMALL = 16 * 1024
SETUP_FIELDS = ("username", "password", "phone_number", "email")


def login(visit: Visit, why: str = "", status: int = 200) -> HTTPResponse:
    if not visit.door.people.users():
        return visit.go("/setup")
    if visit.session is not None:
        return visit.go("/")
    target = visit.asked("next") if visit.request.method == "GET" else visit.text("next")
    return visit.page(
        "login.html",
        status,
        why=why,
        target=_ours(visit, target),
        username=visit_name(visit),
        doubt=visit.door.clockface.doubt(),
    )


def sign_in(visit: Visit) -> HTTPResponse:
    people = visit.door.people
    try:
        with visit.door.waiting() as admitted:
            if not admitted:
                raise Denied("too many sign-ins at once; try again in a moment", 1.0)
            name = visit.text("username").strip()
            item = people.check_password(name, visit.text("password"), visit.address)
    except Denied as denied:
        return _denied(visit, denied, login)
    if people.users()[item].totp_key:
        return _ask_code(visit, people.half_way(item))
    return _let_in(visit, item)


def _ask_code(visit: Visit, ticket: str, why: str = "", status: int = 200) -> HTTPResponse:
    unix = visit.text("unix") if visit.text("take-time") else ""
    return visit.page("login_code.html", status, ticket=ticket, target=visit.text("next"), unix=unix, why=why)


def _let_in(visit: Visit, item: str) -> HTTPResponse:
    visit.door.begin(visit, item)
    if visit.text("take-time") and visit.text("unix") and visit.role == ADMINISTRATOR:
        _take_time(visit)
    return visit.go(_ours(visit, visit.text("next")))


def _take_time(visit: Visit) -> None:
    """The browser's time, which whoever signed in offered; a clock that is trusted by now is left alone."""
    if not visit.door.clockface.doubt():
        return
    try:
        visit.door.clockface.set(visit.text("unix"))
    except GatewayError as error:
        visit.tell(visit.t(str(error)), "bad")
        return
    visit.note("clock.set", "from the browser, signing in")
    visit.tell(visit.t("The clock is set."))


def sign_in_code(visit: Visit) -> HTTPResponse:
    try:
        item = visit.door.people.check_code(visit.text("ticket"), visit.text("code"), visit.address)
    except Denied as denied:
        _note_denied(visit, denied)
        return _ask_code(visit, visit.text("ticket"), visit.t(str(denied)), 403)
    return _let_in(visit, item)


def sign_out(visit: Visit) -> HTTPResponse:
    visit.door.end(visit)
    return visit.go("/login")


def choose_language(visit: Visit) -> HTTPResponse:
    lang = visit.text("language")
    if lang in language.LANGUAGES:
        visit.door.set_cookie(visit, "language", lang, 365 * 24 * 3600)
    return visit.go(_ours(visit, visit.text("next")))


def setup(visit: Visit, problems: tuple[Problem, ...] = (), why: str = "", status: int = 200) -> HTTPResponse:
    if visit.door.people.users():
        return visit.go("/login")
    given = visit.form if visit.request.method == "POST" else None
    fields = forms.fields(User, None, problems, given, only=SETUP_FIELDS)
    return visit.page(
        "setup.html",
        status,
        fields=fields,
        why=why,
        code=visit.text("code") if given else "",
        doubt=visit.door.clockface.doubt(),
    )


def set_up(visit: Visit) -> HTTPResponse:
    door = visit.door
    if door.people.users():
        return visit.go("/login")
    try:
        door.people.check_secret("\0set-up", visit.house.setup.fits(visit.text("code")), visit.address)
    except Denied as denied:
        return _denied(visit, denied, lambda visit, why, status: setup(visit, (), why, status))
    checked = forms.checked(User, {**visit.form, "active": ["on"], "role": ["administrator"]}, None)
    problems = list(checked.problems)
    if not visit.text("password"):
        problems.append(Problem("users", "", "password", "must be given"))
    if checked.value is None or problems:
        return setup(visit, tuple(problems), status=422)
    item = item_id(checked.value.username)
    first = {item: checked.value}
    visit.house.store.change(User, lambda old: old.value or first)
    if door.people.users().get(item) != checked.value:  # somebody else was quicker
        return visit.go("/login")
    visit.note("claimed", "the first administrator was made", who=checked.value.username)
    door.begin(visit, item)
    return visit.go("/start/place")


def forgot(visit: Visit) -> HTTPResponse:
    return visit.page("forgot.html")


def send_code(visit: Visit) -> HTTPResponse:
    """The same answer for whoever is asked for; the message goes out behind it."""
    people = visit.door.people
    name = visit.text("username").strip()[:64]
    found = next((i for i, one in people.users().items() if one.username == name and people.usable(i)), "")
    if found and (code := people.recovery.draw(found, neighbourhood(visit.address))):
        _send_code(visit, people.users()[found], code)
        visit.note("recovery-code-sent", who=name)
    return visit.page("forgot_code.html", username=name, why="")


def _send_code(visit: Visit, user: User, code: str) -> None:
    text = visit.t("%(code)s is your code to choose a new password. It is good for 10 minutes.", code=code)
    source = Source("admin", "recovery")
    if user.phone_number:
        visit.house.gateway.handle(SendSms("send-sms", user.phone_number, text), source)
    if user.email:
        subject = visit.t("A new password for your OTP-Pi")
        visit.house.gateway.handle(SendEmail("send-email", user.email, text, subject), source)


def new_password(visit: Visit) -> HTTPResponse:
    people, name = visit.door.people, visit.text("username").strip()[:64]
    found = next((i for i, one in people.users().items() if one.username == name and people.usable(i)), "")
    given = {"password": visit.form.get("password", ()), "username": [name if found else "nobody"]}
    checked = forms.checked(User, given, _user(visit, found), found, whole=False)
    try:
        if checked.problems or not visit.text("password"):
            raise Denied(next((one.sentence for one in checked.problems), "a new password must be given"))
        right = people.recovery.take(found or f"\0{name}", visit.text("code"))
        people.check_secret(f"\0recovery {name}", right and bool(found), visit.address)
        if checked.value is not None:
            _set_password(visit, found, checked.value.password)
    except Denied as denied:
        _note_denied(visit, denied)
        return visit.page("forgot_code.html", 403, username=name, why=visit.t(str(denied)))
    visit.note("password-recovered", who=name)
    return visit.page("forgot_done.html")


def _set_password(visit: Visit, item: str, hashed: str) -> None:
    try:
        keeping.amend(visit.house, User, item, lambda now: now.model_copy(update={"password": hashed}))
    except Refused:  # the user is gone by now: as for one who never was
        raise Denied("the code is wrong or has expired") from None


def _user(visit: Visit, item: str) -> User:
    """The user to give a new password; a stand-in for one who is not there, so that both take as long."""
    return visit.door.people.users().get(item) or User(username="nobody")


def _denied(visit: Visit, denied: Denied, page: object) -> HTTPResponse:
    _note_denied(visit, denied)
    response = page(visit, visit.t(str(denied)), 429 if denied.retry_after else 403)  # type: ignore[operator]
    if denied.retry_after:
        response.set_header("Retry-After", str(denied.retry_after))
    return response


def _note_denied(visit: Visit, denied: Denied) -> None:
    """A name that is no user's may be a password in the wrong place: it is not written down."""
    known = {user.username for user in visit.door.people.users().values()}
    name = visit.text("username").strip()
    who = name if name in known else "?"
    key = f"{neighbourhood(visit.address)} {who}"
    if told := visit.door.strangers.told(str(denied), key, denied.retry_after):
        visit.note("locked-out" if denied.retry_after else "refused", told, who=who)


def visit_name(visit: Visit) -> str:
    return visit.text("username") if visit.request.method == "POST" else ""


def _ours(visit: Visit, path: str) -> str:
    """The path if it is a page of ours to look at, else the first one: nobody is led elsewhere."""
    methods, _ = visit.door.table.find(path.partition("?")[0])
    route = methods.get("GET")
    return path if route and not route.quiet and path.isprintable() and "\\" not in path else "/"


routes = [
    Route("GET", "/login", login, PUBLIC),
    Route("POST", "/login", sign_in, PUBLIC, body=SMALL),
    Route("POST", "/login/code", sign_in_code, PUBLIC, body=SMALL),
    Route("POST", "/logout", sign_out, VIEWER, body=SMALL),
    Route("POST", "/language", choose_language, PUBLIC, body=SMALL),
    Route("GET", "/setup", setup, PUBLIC),
    Route("POST", "/setup", set_up, PUBLIC, body=SMALL),
    Route("GET", "/forgot", forgot, PUBLIC),
    Route("POST", "/forgot", send_code, PUBLIC, body=SMALL),
    Route("POST", "/forgot/code", new_password, PUBLIC, body=SMALL),
]
