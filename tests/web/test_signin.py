"""Authentication as a client sees it: who is let in, who is slowed down, who is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from app.web.signin import HASHES_WAITING, Denied, SignIn
from tests.web.door import HASHER, USERS, Answer, ApiUser, Client, Door, basic, eventually, sms, verify

ECHO = b'{"command":"echo"}'
WRONG = "the user name or the password is wrong, or the user is not active"


def as_user(door: Door, user: str, password: str, body: object = ECHO, source: str = "127.0.0.1") -> Answer:
    client = Client(door.port, basic(user, password), source)
    try:
        return client.post(body)
    finally:
        client.close()


def test_the_password_may_hold_colons_and_umlauts(client: Client) -> None:
    assert client.post(ECHO).status == 200


@pytest.mark.parametrize("field", [" ", "Basic", "Basic !", "Bearer abc", "Basic c2hvcA=="])
def test_missing_or_broken_credentials_are_401(door: Door, field: str) -> None:
    client = Client(door.port, field)
    answer = client.post(ECHO)
    client.close()
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="OTP-Pi", charset="UTF-8"'
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert (answer.json["response_code"], answer.json["reason"]) == ("1100", "unauthorized")
    assert door.hashed == []


@pytest.mark.parametrize(
    ("user", "password"),
    [
        *(("shop", "wrong"), ("nobody", "pass:word:ü"), ("off", "off-password")),
        *(("barred", "barred-password"), ("empty", ""), ("empty", "x"), ("", "")),
    ],
)
def test_all_who_may_not_come_in_hear_the_same_and_cost_one_hash(
    door: Door, user: str, password: str
) -> None:
    answer = as_user(door, user, password)
    assert (answer.status, answer.json["response_code"], answer.json["error"]) == (401, "1100", WRONG)
    assert len(door.hashed) == 1


def test_a_credential_is_hashed_once(door: Door, client: Client) -> None:
    for _ in range(20):
        assert client.post(ECHO).status == 200
    assert as_user(door, "shop", "pass:word:ü").status == 200
    assert len(door.hashed) == 1


def test_many_clients_of_one_user_that_come_at_once_share_one_hash() -> None:
    running, go = threading.Event(), threading.Event()
    hashed = []

    def slowly(stored: str, password: str) -> bool:
        hashed.append(stored)
        running.set()
        assert go.wait(30)
        return True

    sign_in = SignIn(slowly, USERS)
    with ThreadPoolExecutor(60) as crowd:
        futures = [crowd.submit(sign_in.user, basic(), "127.0.0.1") for _ in range(60)]
        assert running.wait(30)
        go.set()
        assert {future.result(30).username for future in futures} == {"shop"}
    assert len(hashed) == 1


def test_neither_the_password_nor_its_hash_is_kept(door: Door, client: Client) -> None:
    client.post(ECHO)
    kept = repr({n: v for n, v in vars(door.sign_in).items() if n != "_users"})
    assert "pass:word" not in kept and "argon2" not in kept


def test_a_changed_password_counts_at_once(door: Door, client: Client) -> None:
    assert client.post(ECHO).status == 200
    door.sign_in.load([replace(USERS[0], password=HASHER.hash("a new one"))])
    assert client.post(ECHO).status == 401
    assert as_user(door, "shop", "a new one").status == 200


@pytest.mark.parametrize("off", [replace(USERS[0], active=False), replace(USERS[0], blocked=True)])
def test_a_user_who_is_switched_off_is_out_at_once(door: Door, client: Client, off: ApiUser) -> None:
    assert client.post(ECHO).status == 200
    door.sign_in.load([off])
    answer = client.post(ECHO)
    assert (answer.status, answer.json["response_code"]) == (401, "1100")
    door.sign_in.load([])
    assert client.post(ECHO).status == 401


def test_a_thousand_wrong_passwords(door: Door, client: Client) -> None:
    assert client.post(ECHO).status == 200  # a verified credential, from before
    attacker = Client(door.port, source="127.0.0.66")
    statuses = []
    for number in range(1000):
        attacker.authorization = basic("shop", f"guess {number}")
        answer = attacker.post(ECHO)
        statuses.append(answer.status)
    assert statuses == [401] * 10 + [429] * 990
    assert (answer.json["response_code"], answer.json["reason"]) == ("1102", "rate_limited")
    assert answer.headers["Retry-After"] == "60"
    assert len(door.hashed) == 11  # each refusal is free of charge
    assert door.pauses == [0.25, 0.5, 1.0, 2.0, 2.0, 2.0, 2.0]
    # The right user is known and carries on, from the attacker's address, too.
    assert client.post(ECHO).status == 200
    attacker.authorization = basic()
    assert attacker.post(ECHO).status == 200
    attacker.close()


def test_after_the_lock_the_right_password_is_welcome_again(door: Door) -> None:
    for number in range(10):
        as_user(door, "shop", f"guess {number}", source="127.0.0.66")
    assert as_user(door, "shop", "pass:word:ü").status == 429
    door.now += 60
    assert as_user(door, "shop", "pass:word:ü").status == 200
    assert as_user(door, "shop", "wrong").status == 401  # and the count begins anew


def test_an_address_that_tries_many_names_is_refused_and_others_are_not(door: Door) -> None:
    statuses = [as_user(door, f"user{n}", "x", source="127.0.0.66").status for n in range(30)]
    assert statuses == [401] * 20 + [429] * 10
    assert as_user(door, "shop", "pass:word:ü", source="127.0.0.66").status == 429
    assert as_user(door, "shop", "pass:word:ü", source="127.0.0.67").status == 200


def test_one_who_owns_an_account_cannot_clear_the_address_by_it(door: Door) -> None:
    for number in range(19):
        as_user(door, f"user{number}", "x")
    assert as_user(door, "other", "other-password").status == 200
    assert as_user(door, "user20", "x").status == 401
    assert as_user(door, "user21", "x").status == 429


def test_sign_ins_that_wait_for_the_hash_are_bounded() -> None:
    go = threading.Event()
    started: list[str] = []

    def stuck(stored: str, password: str) -> bool:
        started.append(password)
        assert go.wait(30)
        return False

    sign_in = SignIn(stuck, USERS, pause=lambda seconds: None)

    def attempt(number: int) -> Callable[[], str]:
        def run() -> str:
            try:
                sign_in.user(basic(f"u{number}", str(number)), f"10.0.0.{number}")
            except Denied as denied:
                return str(denied)
            return "in"

        return run

    with ThreadPoolExecutor(40) as crowd:
        futures = [crowd.submit(attempt(number)) for number in range(40)]
        refused = "too many sign-ins at once; try again in a moment"
        eventually(lambda: sum(f.done() for f in futures) == 40 - HASHES_WAITING)
        assert {f.result() for f in futures if f.done()} == {refused}
        assert len(started) == 1  # one at a time
        go.set()
        answers = [f.result(30) for f in futures]
    assert answers.count(WRONG) == HASHES_WAITING


def test_guesses_that_come_all_at_once_do_not_slip_past_the_lock(door: Door) -> None:
    with ThreadPoolExecutor(10) as crowd:
        guesses = [f"guess {n}" for n in range(40)]
        statuses = list(crowd.map(lambda g: as_user(door, "shop", g).status, guesses))
    assert statuses.count(401) == 10
    assert statuses.count(429) == 30
    assert len(door.hashed) == 10


def test_a_command_that_is_not_allowed_is_403(door: Door) -> None:
    answer = as_user(door, "verifier", "verifier-password", sms())
    assert (answer.status, answer.json["command"], answer.json["response_code"]) == (403, "send-sms", "1100")
    assert answer.json["reason"] == "not_allowed"
    verification = {"reference": "r", "receiver": "0812345678", "otp": "1"}
    answer = as_user(door, "verifier", "verifier-password", {"command": "validate-otp", "data": verification})
    assert (answer.status, answer.json["response_code"]) == (200, "1202")
    assert as_user(door, "sender", "sender-password", sms()).json["response_code"] == "0000"


def test_an_envelope_with_one_command_that_is_not_allowed_is_refused_whole(door: Door) -> None:
    inner = [sms("one"), {"command": "block-msisdn", "data": {"receiver": "0812345678"}}]
    answer = as_user(door, "sender", "sender-password", {"command": "send-message", "data": inner})
    assert (answer.status, answer.json["command"]) == (403, "block-msisdn")
    assert door.fleet.texts == []


def test_the_limit_of_a_minute(door: Door) -> None:
    for _ in range(3):
        assert as_user(door, "slow", "slow-password").status == 200
    answer = as_user(door, "slow", "slow-password")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
    assert (answer.json["response_code"], answer.json["reason"]) == ("1102", "rate_limited")
    door.now += 60
    assert as_user(door, "slow", "slow-password").status == 200


def test_an_envelope_counts_as_what_it_holds(door: Door) -> None:
    envelope = {"command": "send-message", "data": [sms(str(n)) for n in range(4)]}
    answer = as_user(door, "slow", "slow-password", envelope)
    # Waiting would not help: no minute has room for four.
    assert (answer.status, answer.json["reason"], answer.headers["Retry-After"]) == (400, "bad_request", None)
    assert answer.json["error"] == (
        "4 commands at once are more than the 3 a minute of this user: send them in smaller batches"
    )
    envelope["data"] = [sms(str(n)) for n in range(3)]
    assert as_user(door, "slow", "slow-password", envelope).status == 200
    assert as_user(door, "slow", "slow-password").status == 429


def test_the_cheap_hash_of_these_tests_is_a_real_one() -> None:
    assert verify(HASHER.hash("right"), "right")
    assert not verify(HASHER.hash("right"), "wrong")
    assert not verify("", "nobody's")
