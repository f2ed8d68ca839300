"""Coming in: set-up code, password, sessions, authenticator, forgotten password, and the attacks on each."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.settings.modems import Modem
from app.settings.users import User
from app.web.admin import totp
from app.web.admin.recovery import Recovery
from app.web.admin.sessions import IDLE, LONGEST, MOST, Sessions
from app.web.admin.strangers import HOURLY, Strangers
from app.web.admin.tokens import Tokens
from tests.house import HandClock
from tests.web.admin.site import PASSWORD, Client, Site, eventually, user

NEW = {"username": "ann", "password": PASSWORD, "phone_number": "0811 222 333", "email": ""}
Fresh = Callable[..., Site]


def code_of(site: Site) -> str:
    return (site.home / "setup-code").read_text().strip()


def test_a_new_device_asks_for_the_code_on_its_card_and_sends_nothing_before(fresh: Fresh) -> None:
    site = fresh(people=False).ready()
    client = Client(site)
    assert client.get("/").location == "/setup"
    assert (site.home / "setup-code").stat().st_mode & 0o777 == 0o600
    reply = site.service.gateway.handle(_sms(), _source()).result(30)
    assert (reply.code, reply.reason) == ("1102", "unclaimed")
    page = client.post("/setup", {**NEW, "code": "0000-0000"})
    assert page.status == 403
    assert "the code is wrong" in page.words
    page = client.post("/setup", {**NEW, "code": code_of(site), "password": "short"})
    assert page.status == 422
    assert "the value given is too short: at least 10 characters" in page.words
    page = client.post("/setup", {**NEW, "code": code_of(site).replace("-", "")})
    assert (page.status, page.location) == (303, "/start/place")
    assert client.get("/").status == 200
    made = site.store.read(User).value["ann"]
    assert made.role == "administrator"  # type: ignore[union-attr]
    assert PASSWORD not in site.store.path(User).read_text()
    eventually(lambda: site.service.intake.rules.claimed)
    assert site.service.gateway.handle(_sms(), _source()).result(30).ok
    other = Client(site)
    assert other.get("/setup").location == "/login"
    assert other.post("/setup", {**NEW, "username": "eve", "code": code_of(site)}).location == "/login"
    assert list(site.store.read(User).value) == ["ann"]  # type: ignore[arg-type]


def _sms():  # type: ignore[no-untyped-def]
    from app.core.commands import SendSms

    return SendSms("send-sms", "081234567890", "hello")


def _source():  # type: ignore[no-untyped-def]
    from app.core.commands import Source

    return Source("rest", "shop")


def test_an_account_made_on_the_command_line_claims_the_device(site: Site) -> None:
    assert site.service.intake.rules.claimed


def test_the_set_up_code_cannot_be_guessed(fresh: Fresh) -> None:
    site = fresh(people=False)
    client = Client(site)
    answers = [client.post("/setup", {**NEW, "code": f"0000-{n:04d}"}).status for n in range(8)]
    assert answers[:5] == [403] * 5
    assert answers[5:] == [429] * 3
    page = client.post("/setup", {**NEW, "code": code_of(site)})
    assert page.status == 429
    assert int(page.headers["Retry-After"]) > 0
    assert not site.store.read(User).value


def test_the_code_of_the_printed_card_counts_where_there_is_one(tmp_path: Path) -> None:
    from app.web.admin.setup import SetupCode

    (tmp_path / "card.json").write_text('{"setup_code": "1111-2222"}')
    assert SetupCode(tmp_path).fits("11112222")
    assert not SetupCode(tmp_path).fits("1111-2223")
    assert not (tmp_path / "setup-code").exists()


def test_a_session_gets_a_new_id_and_none_that_came_from_outside(site: Site) -> None:
    client = Client(site)
    client.cookies["otppi"] = "chosen-by-an-attacker-0123456789"
    token = client.get("/forgot").token
    client.post("/login", {"username": "ann", "password": PASSWORD}, token=token)
    first = client.cookies["otppi"]
    assert first != "chosen-by-an-attacker-0123456789"
    assert len(first) >= 43  # 256 bits in base64
    planted = Client(site)
    planted.cookies["otppi"] = "chosen-by-an-attacker-0123456789"
    assert planted.get("/").location == "/login"
    token = client.get("/account").token
    again = client.ask(
        "POST",
        "/login",
        f"csrf-token={token}&username=ann&password={PASSWORD}".replace(" ", "+").encode(),
        {"Content-Type": "application/x-www-form-urlencoded", "Origin": client.origin},
    )
    assert again.status == 303
    assert client.cookies["otppi"] != first
    old = Client(site)
    old.cookies["otppi"] = first
    assert old.get("/").location == "/login"


def test_the_cookie_is_for_this_site_and_no_script(site: Site) -> None:
    page = Client(site).post("/login", {"username": "ann", "password": PASSWORD})
    cookie = page.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie


def test_signing_out_ends_the_session_at_the_server(site: Site) -> None:
    client = Client(site).sign_in()
    kept = dict(client.cookies)
    assert client.post("/logout").location == "/login"
    client.cookies = kept
    assert client.get("/").location == "/login"


def test_sessions_are_listed_and_can_be_ended(site: Site) -> None:
    here, there = Client(site).sign_in("vera"), Client(site, "127.0.0.9").sign_in("vera")
    page = here.get("/account")
    assert "127.0.0.9" in page.words
    assert there.cookies["otppi"] not in page.text
    for handle in re.findall(r"/account/sessions/(\w+)", page.text)[:1]:
        here.post(f"/account/sessions/{handle}")
    assert there.get("/").location == "/login"


def test_a_new_password_ends_the_other_sessions(fresh: Fresh) -> None:
    site = fresh(modems=0)
    here, there = Client(site).sign_in("oscar"), Client(site).sign_in("oscar")
    page = here.post("/account/password", {"old": "wrong", "password": "five blue cows"})
    assert (page.status, "The password is wrong. Nothing was changed." in page.words) == (422, True)
    page = here.post("/account/password", {"old": PASSWORD, "password": "password123"})
    assert page.status == 422
    assert here.post("/account/password", {"old": PASSWORD, "password": "five blue cows"}).status == 303
    assert here.get("/").status == 200
    assert there.get("/").location == "/login"
    Client(site).sign_in("oscar", "five blue cows")


def test_where_a_code_is_sent_is_changed_with_the_password_only(fresh: Fresh) -> None:
    site = fresh(modems=0)
    client = Client(site).sign_in("vera")
    given = {"name": "Vera", "phone_number": "0811999888", "email": "vera@example.com"}
    page = client.post("/account", {**given, "old": "wrong"})
    assert (page.status, "The password is wrong. Nothing was changed." in page.words) == (422, True)
    assert 'value="vera@example.com"' in page.text  # what was typed is still there
    assert site.store.items(User)["vera"].email == ""
    assert client.post("/account", {**given, "old": PASSWORD}).status == 303
    made = site.store.items(User)["vera"]
    assert (made.name, made.email, made.role) == ("Vera", "vera@example.com", "viewer")
    assert client.get("/").status == 200


@pytest.mark.parametrize("name", ["müller", "josé", "_admin", "Ann Lee".replace(" ", ".")])
def test_the_first_administrator_may_have_any_user_name(fresh: Fresh, name: str) -> None:
    site = fresh(people=False, modems=0)
    client = Client(site)
    page = client.post("/setup", {**NEW, "username": name, "code": code_of(site)})
    assert (page.status, page.location) == (303, "/start/place"), page.words
    assert [one.username for one in site.store.items(User).values()] == [name]
    Client(site).sign_in(f" {name} ")


def test_a_user_who_is_blocked_is_out_at_once(fresh: Fresh) -> None:
    site = fresh(modems=0)
    client = Client(site).sign_in("vera")
    site.store.put(User, "vera", user("vera", "viewer", blocked=True))
    assert client.get("/").location == "/login"
    assert Client(site).post("/login", {"username": "vera", "password": PASSWORD}).status == 403


def test_sessions_end_when_idle_after_twelve_hours_and_when_there_are_too_many() -> None:
    clock = HandClock()
    sessions = Sessions(clock.steady)
    one = sessions.begin("ann", "m", "a", "b")
    clock.advance(IDLE - 1)
    assert sessions.find(one.id, touch=False) is one  # looking by itself keeps nothing alive
    clock.advance(2)
    assert sessions.find(one.id) is None
    two = sessions.begin("ann", "m", "a", "b")
    for _ in range(int(LONGEST // 1000)):
        clock.advance(1000)
        assert sessions.find(two.id) is two
    clock.advance(1000)
    assert sessions.find(two.id) is None
    for _ in range(3 * MOST):
        sessions.begin("ann", "m", "a", "b")
    assert len(sessions) == MOST


def test_five_wrong_passwords_lock_the_name_and_the_audit_tells(fresh: Fresh) -> None:
    site = fresh(modems=0)
    client = Client(site)
    token = client.get("/forgot").token
    statuses = [
        client.post("/login", {"username": "ann", "password": f"wrong {n}"}, token=token).status
        for n in range(7)
    ]
    assert statuses == [403] * 5 + [429] * 2
    assert client.post("/login", {"username": "ann", "password": PASSWORD}, token=token).status == 429
    Client(site).sign_in("oscar")
    audit = site.service.admin.house.audit
    told = {("ann", "refused"), ("ann", "locked-out")}
    eventually(lambda: told <= {(one.who, one.what) for one in audit.page(0, 50)})


def test_a_lock_is_told_once_and_the_rest_is_counted(fresh: Fresh) -> None:
    site = fresh(modems=0)
    client = Client(site)
    token = client.get("/forgot").token
    given = {"username": "ann", "password": "wrong"}
    statuses = [client.post("/login", given, token=token).status for _ in range(25)]
    assert statuses == [403] * 5 + [429] * 20
    audit = site.service.admin.house.audit
    client.post("/login", {"username": "oscar", "password": "wrong"}, token=token)
    eventually(lambda: audit.page(0, 1)[0].who == "oscar")
    assert [one.what for one in audit.page(0, 50) if one.who == "ann"] == ["locked-out"] + ["refused"] * 5
    assert audit.page(0, 1)[0].detail.endswith("(19 more were not written down)")


def test_strangers_have_so_many_rows_of_the_audit_an_hour() -> None:
    clock = HandClock()
    strangers = Strangers(clock.steady)
    rows = [strangers.told("no", f"10.0.0.{n} ?", 0.0) for n in range(HOURLY + 50)]
    assert rows == ["no"] * HOURLY + [""] * 50
    clock.advance(3600)
    assert strangers.told("locked", "10.0.0.1 ?", 900) == "locked (50 more were not written down)"
    clock.advance(899)
    assert strangers.told("locked", "10.0.0.1 ?", 1) == ""
    assert strangers.told("locked", "10.0.0.2 ?", 900) == "locked (1 more were not written down)"
    clock.advance(1)
    assert strangers.told("locked", "10.0.0.1 ?", 900) == "locked"


def test_a_name_that_nobody_has_is_not_written_down(site: Site) -> None:
    page = Client(site, "127.0.0.7").post("/login", {"username": "my-secret-password", "password": "x"})
    assert page.status == 403
    assert not site.service.admin.house.audit.page(0, 50, "my-secret")


def test_a_thousand_sign_ins_at_once_need_no_more_memory_than_one(site: Site) -> None:
    def memory() -> int:
        return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]) // 1024

    token = (client := Client(site)).get("/forgot").token
    client.post("/login", {"username": "nobody", "password": "x"}, token=token)
    before, highest = memory(), 0

    def one(number: int) -> int:
        nonlocal highest
        visitor = Client(site, f"127.0.1.{number % 200 + 1}")
        visitor.cookies = dict(client.cookies)
        page = visitor.post("/login", {"username": f"u{number}", "password": "wrong"}, token=token)
        highest = max(highest, memory())
        return page.status

    with ThreadPoolExecutor(100) as pool:
        statuses = list(pool.map(one, range(1000)))
    assert set(statuses) <= {403, 429}
    # One hash takes 19 MiB; two at once would show, and a hundred would take two gigabytes.
    assert highest - before < 100
    Client(site, "127.0.3.1").sign_in("ann")


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/%0d%0aSet-Cookie:a=b",
        "javascript:alert(1)",
        "/live",
        "/part/home",
        "\r\nLocation: //evil",
        "/no-such-page",
    ],
)
def test_signing_in_leads_nowhere_else(site: Site, target: str) -> None:
    client = Client(site)
    page = client.post("/login", {"username": "oscar", "password": PASSWORD, "next": target})
    assert (page.status, page.location) == (303, "/")


def test_signing_in_leads_on_to_the_page_that_was_asked_for(site: Site) -> None:
    client = Client(site)
    assert client.get("/system/logs").location == "/login?next=/system/logs"
    page = client.post("/login", {"username": "ann", "password": PASSWORD, "next": "/system/logs"})
    assert page.location == "/system/logs"


def test_a_forgotten_password_is_replaced_by_a_code_sent_by_sms(fresh: Fresh) -> None:
    site = fresh().ready()
    client = Client(site)
    before = len(site.received())
    page = client.post("/forgot", {"username": "ann"})
    assert "If there is such a user, a code is on its way." in page.words
    eventually(lambda: len(site.received()) > before)
    number, text = site.received()[-1]
    assert number.lstrip("+") == "628111222333"
    code = text[:6]
    assert code.isdigit()
    page = client.post("/forgot/code", {"username": "ann", "code": code, "password": "password123"})
    assert "one of the first that are guessed" in page.words
    page = client.post("/forgot/code", {"username": "ann", "code": "000000", "password": "five blue cows"})
    assert page.status == 403
    page = client.post("/forgot/code", {"username": "ann", "code": code, "password": "five blue cows"})
    assert "Your new password is set" in page.words
    Client(site).sign_in("ann", "five blue cows")
    page = client.post("/forgot/code", {"username": "ann", "code": code, "password": "six red hens"})
    assert page.status == 403
    assert all(code not in one.detail for one in site.service.admin.house.audit.page(0, 100))


def test_who_is_not_there_gets_the_same_answer(site: Site) -> None:
    def shape(page):  # type: ignore[no-untyped-def]
        return page.status, re.sub(r'value="[^"]*"', "", page.text)

    client = Client(site, "127.0.0.21")
    assert shape(client.post("/forgot", {"username": "vera"})) == shape(
        client.post("/forgot", {"username": "zoe"})
    )
    given = {"code": "123456", "password": "five blue cows"}
    there = shape(client.post("/forgot/code", {"username": "vera", **given}))
    assert there == shape(client.post("/forgot/code", {"username": "zoe", **given}))


def test_a_recovery_code_is_good_for_ten_minutes_and_five_tries() -> None:
    clock = HandClock()
    recovery = Recovery(clock.steady)
    code = recovery.draw("ann", "a")
    assert recovery.draw("ann", "a") == ""  # not twice in a minute
    assert [recovery.take("ann", "x") for _ in range(5)] == [False] * 5
    assert not recovery.take("ann", code)
    clock.advance(61)
    code = recovery.draw("ann", "a")
    clock.advance(601)
    assert not recovery.take("ann", code)
    code = recovery.draw("ann", "a")
    assert recovery.take("ann", code)
    assert not recovery.take("ann", code)


def test_recovery_codes_are_few_a_day_for_a_user_and_for_an_address() -> None:
    clock = HandClock()
    recovery = Recovery(clock.steady)

    def drawn(item: str, address: str) -> bool:
        clock.advance(61)
        return bool(recovery.draw(item, address))

    assert [drawn("ann", "a") for _ in range(6)] == [True] * 5 + [False]
    assert not drawn("bob", "a")  # who asks for everybody in turn
    assert [drawn("ann", f"b{n}") for n in range(6)] == [True] * 5 + [False]  # ten a day, from anywhere
    assert drawn("bob", "b0")
    clock.advance(86400)
    assert drawn("ann", "a")


def test_the_codes_of_an_authenticator_are_those_of_the_standard() -> None:
    key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238, appendix B: "12345678901234567890"
    for at, code in ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")):
        assert totp.code(key, at // 30) == code
        assert totp.period_of(key, code, float(at)) == at // 30
        assert totp.period_of(key, code, float(at), after=at // 30) is None
        assert totp.period_of(key, code, float(at + 90)) is None


def test_an_authenticator_is_asked_for_and_each_code_counts_once(fresh: Fresh) -> None:
    site = fresh(modems=0)
    client = Client(site).sign_in("vera")
    page = client.get("/account/authenticator")
    key = re.search(r'name="key" value="(\w+)"', page.text)[1]  # type: ignore[index]
    assert "<svg" in page.text
    now = site.service.clock.wall()
    assert client.post("/account/authenticator", {"key": key, "code": "000000"}).status == 422
    code = totp.code(key, int(now // 30))
    given = {"key": key, "code": code}
    assert client.post("/account/authenticator", given).status == 422  # not by whoever finds a browser open
    assert not site.store.items(User)["vera"].totp_key
    given["old"] = PASSWORD
    assert client.post("/account/authenticator", given).location == "/account"
    assert key not in client.get("/account").text
    other = Client(site)
    page = other.post("/login", {"username": "vera", "password": PASSWORD})
    assert page.status == 200 and "Code of the app" in page.words
    assert other.get("/").location == "/login"
    ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)[1]  # type: ignore[index]
    assert other.post("/login/code", {"ticket": ticket, "code": "000000"}).status == 403
    assert other.post("/login/code", {"ticket": "forged", "code": code}).status == 403
    assert other.post("/login/code", {"ticket": ticket, "code": code}).status == 303
    assert other.get("/").status == 200
    page = Client(site).post("/login", {"username": "vera", "password": PASSWORD})
    ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)[1]  # type: ignore[index]
    assert other.post("/login/code", {"ticket": ticket, "code": code}).status == 403


def test_tokens_differ_from_page_to_page_and_fit_one_cookie_only() -> None:
    tokens = Tokens()
    one, two = tokens.make("cookie-one"), tokens.make("cookie-one")
    assert one != two
    assert tokens.fits(one, "cookie-one") and tokens.fits(two, "cookie-one")
    assert not tokens.fits(one, "cookie-two")
    assert not tokens.fits(tokens.make(""), "")
    for forged in ("", "A", "é" * 40, one[:-4] + "AAA=", "A" * 10_000):
        assert not tokens.fits(forged, "cookie-one")


def test_the_last_administrator_cannot_be_locked_out(fresh: Fresh) -> None:
    site = fresh(modems=0)
    ann = Client(site).sign_in("ann")
    for path in (
        "/settings/users/turn/ann/deactivate",
        "/settings/users/turn/ann/block",
        "/settings/users/delete/ann",
    ):
        ann.post(path)
        assert "an administrator who can sign in must be left" in ann.get("/settings/users").words
    form = {"username": "ann", "role": "viewer", "active": "on", "phone_number": "", "email": "", "name": ""}
    page = ann.post("/settings/users/item/ann", form)
    assert page.status == 422
    assert site.store.read(User).value["ann"].role == "administrator"  # type: ignore[union-attr]


def test_the_modem_pages_exist_only_for_known_items(site: Site, ann: Client) -> None:
    assert Modem.about.many
    for item in ("no-such", "..", "%2e%2e", "sim1%00", "SIM1"):
        assert ann.get(f"/settings/modems/item/{item}").status == 404
