"""Section 1 of the wire, line by line: listeners, paths, methods, body, types, answer."""

from __future__ import annotations

import json
import socket

import pytest

from tests.web.door import Client, Door, basic, eventually, read_to_end, sms

ECHO = b'{"command":"echo","data":{"a":1}}'
ECHOED = b'{"command":"echo","response_code":"0000","data":{"command":"echo","data":{"a":1}}}'


def head(path: str = "/api/otp", *fields: str, method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: device", f"Authorization: {basic()}", *fields, "", ""]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    "path",
    [
        *("/api/otp", "/api/message", "/api/sms", "/api/email", "/api/block", "/api/unblock"),
        *("/api/modem", "/api/ussd", "/api/mail", "/api/blocking", "/api/unblocking"),
    ],
)
def test_every_path_leads_to_the_same_handler(client: Client, path: str) -> None:
    assert client.post(ECHO, path).body == ECHOED


def test_paths_are_exact(client: Client) -> None:
    for path in ("/api/otp/", "/api/OTP", "/api", "/", "/api/otp2", "/api/otp%FF", "/api%2Fotp"):
        answer = client.post(ECHO, path)
        assert (answer.status, answer.json["reason"]) == (404, "not_found"), path
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


def test_a_line_break_in_the_path_is_not_found(client: Client) -> None:
    answer = client.post(ECHO, "/api/%0d%0aX-Evil:1")
    assert (answer.status, answer.json["reason"]) == (404, "not_found")
    assert "X-Evil" not in answer.headers


def test_the_query_of_a_message_path_is_no_part_of_it(client: Client) -> None:
    assert client.post(ECHO, "/api/otp?x=1").body == ECHOED


def test_paths_follow_the_settings_at_run_time_and_two_may_be_the_same(door: Door, client: Client) -> None:
    door.api.serve_at(["/sms", "/sms", "/otp"])
    assert client.post(ECHO, "/sms").status == 200
    assert client.post(ECHO, "/api/otp").status == 404
    assert client.post(ECHO, "/api/mail").status == 200


def test_post_and_put_are_the_methods(client: Client) -> None:
    assert client.ask("PUT", "/api/otp", ECHO).body == ECHOED
    for method in ("GET", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"):
        answer = client.ask(method, "/api/otp")
        assert (answer.status, answer.headers["Allow"]) == (405, "POST, PUT"), method
        assert answer.json["response_code"] == "1102"
        assert answer.json["reason"] == "method_not_allowed"


def test_head_has_no_body(client: Client) -> None:
    answer = client.ask("HEAD", "/api/otp")
    assert (answer.status, answer.body) == (405, b"")
    assert client.post(ECHO).body == ECHOED  # on the same connection


def test_expect_100_continue(door: Door) -> None:
    sock = door.raw(head("/api/otp", "Expect: 100-Continue", f"Content-Length: {len(ECHO)}"))
    assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    sock.sendall(ECHO)
    assert sock.recv(4096).endswith(b"\r\n\r\n" + ECHOED)
    sock.close()


def test_expect_with_a_body_that_is_too_large_is_refused_before_it_is_sent(door: Door) -> None:
    sock = door.raw(head("/api/otp", "Expect: 100-continue", "Content-Length: 70000"))
    assert sock.recv(4096).startswith(b"HTTP/1.1 413 ")
    sock.close()


def test_chunked_bodies_with_extensions_and_trailers(door: Door) -> None:
    sock = door.raw(head("/api/otp", "Transfer-Encoding: chunked"))
    for piece in (b"5;x=y\r\n", ECHO[:5], b"\r\n", b"1C\r\n", ECHO[5:], b"\r\n0\r\n", b"X-Sum: 1\r\n\r\n"):
        sock.sendall(piece)
    assert sock.recv(4096).endswith(ECHOED)
    # The next request on the same connection is understood, so nothing of the body was left behind.
    sock.sendall(head("/api/otp", "Transfer-Encoding: Chunked") + b"21\r\n" + ECHO + b"\r\n0\r\n\r\n")
    assert sock.recv(4096).endswith(ECHOED)
    sock.close()


def test_the_content_type_does_not_matter(client: Client) -> None:
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", ""):
        assert client.post(ECHO, Content_Type=kind).body == ECHOED, kind


def test_byte_order_mark_and_trailing_commas(client: Client) -> None:
    body = b'\xef\xbb\xbf{"command":"send-sms",\n"data":{"receiver":"0812345678","message":"a,}",\n},\n}'
    answer = client.post(body)
    assert answer.json["response_code"] == "0000"
    assert client.post(b'{"command":"echo","data":{"a":1,},}').body == ECHOED


def test_a_body_of_64_kib_is_read_and_one_octet_more_is_413(client: Client) -> None:
    fits = b'{"command":"echo","data":"' + b"x" * (65536 - 28) + b'"}'
    assert len(fits) == 65536
    assert client.post(fits).status == 200
    answer = client.post(fits + b" ")
    assert (answer.status, answer.json["response_code"], answer.json["reason"]) == (413, "1102", "too_large")


def test_a_body_that_is_much_too_large_still_gets_its_answer(client: Client) -> None:
    answer = client.post(b"x" * 500_000)
    assert (answer.status, answer.json["reason"]) == (413, "too_large")


def test_a_chunked_body_that_is_too_large(door: Door) -> None:
    sock = door.raw(head("/api/otp", "Transfer-Encoding: chunked"))
    for _ in range(5):
        sock.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
    assert read_to_end(sock).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("body", "command", "error"),
    [
        (b"", "", "the body is not JSON"),
        (b"{", "", "the body is not JSON"),
        (b"[1]", "", "the body is not a JSON object"),
        (b'"echo"', "", "the body is not a JSON object"),
        (b"\xff\xfe{}", "", "the body is not UTF-8"),
        (b'{"data":{}}', "", "the field command is missing"),
        (b'{"command":7}', "", "the field command is missing"),
        (b'{"command":"fly"}', "fly", "'fly' is not a command"),
        (
            b'{"command":"send-sms"}',
            "send-sms",
            "the field receiver is missing; the field message is missing",
        ),
        (
            b'{"command":"send-sms","data":{"receiver":"0812345678","message":7}}',
            "send-sms",
            "the field message must be text",
        ),
        (b'{"command":"verify-otp","data":"x"}', "verify-otp", "the field data is not an object"),
        (b'{"command":"echo","a":' + b"[" * 80 + b"]" * 80 + b"}", "", "the body is nested too deeply"),
    ],
)
def test_what_cannot_be_understood_is_400(client: Client, body: bytes, command: str, error: str) -> None:
    answer = client.post(body)
    assert answer.status == 400
    assert answer.json["command"] == command
    assert (answer.json["response_code"], answer.json["error"]) == ("1102", error)


def test_numbers_and_text_are_the_same(door: Door, client: Client) -> None:
    first = {"command": "request-otp", "data": {"reference": 12345, "receiver": 628123456789, "param1": 7}}
    first["data"] |= {"message": "Code %s", "expiration": 1_800_000_100_000}  # type: ignore[operator]
    assert client.post(first).json["response_code"] == "0000"
    code = door.fleet.texts[-1].removeprefix("Code ")
    data = {"reference": " 12345 ", "receiver": "+62 812-3456-789", "param1": "7", "otp": f" {code} "}
    answer = client.post({"command": "verify-otp", "data": data})
    assert answer.json == {
        "command": "verify-otp",
        "response_code": "0000",
        "data": {"reference": " 12345 ", "receiver": "+62 812-3456-789"},
    }
    assert client.post({"command": "validate-otp", "data": data}).json["response_code"] == "1202"


def test_a_handled_command_answers_200_also_when_it_failed(door: Door, client: Client) -> None:
    door.fleet.open_lanes = []
    answer = client.post(sms(id="1"))
    assert answer.status == 200
    assert answer.json == {
        "command": "send-sms",
        "response_code": "1101",
        "data": {"id": "1"},
        "reason": "no_device",
        "error": "no modem is set up and active; add one",
    }


def test_synchronous_sending_answers_when_the_modem_took_it(door: Door, client: Client) -> None:
    answer = client.post(sms("hello", id=17), "/api/email")
    assert answer.json == {
        "command": "send-sms",
        "response_code": "0000",
        "data": {"id": "17", "modemID": "m1", "modem": "M1", "parts": 1, "result": "sent"},
    }
    assert door.fleet.texts == ["hello"]


def test_every_command_through_one_url(client: Client) -> None:
    def code(command: str, data: object) -> str:
        answer = client.post({"command": command, "data": data}, "/api/message")
        assert (answer.status, answer.json["command"]) == (200, command)
        return str(answer.json["response_code"])

    message = {"receiver": "0812345678", "message": "x"}
    otp = {"reference": "r", "receiver": "0812345678", "message": "%s"}
    assert code("create-otp", otp) == "0000"
    assert code("request-otp", otp) == "1201"
    assert code("validate-otp", {"reference": "r", "receiver": "0812345678", "otp": "0"}) == "1202"
    assert code("send-sms", message) == "0000"
    assert code("send-message", message) == "0000"
    assert code("send-email", {"receiver": "a@b.example", "message": "x"}) == "1102"
    assert code("send-mail", {"receiver": "a@b.example", "message": "x"}) == "1102"
    assert code("block-msisdn", {"receiver": "0812345678"}) == "0000"
    assert code("send-sms", message) == "1102"
    assert code("unblock-msisdn", {"receiver": "0812345678"}) == "0000"
    assert code("get-modem-list", {"date_time": 1}) == "0000"
    assert code("get-modem-list", []) == "0000"
    assert code("request-ussd", {"modem_id": "m1", "ussd_code": "*123#"}) == "0000"
    assert code("echo", None) == "0000"


def test_the_legacy_envelope_answers_with_an_array_in_order(door: Door, client: Client) -> None:
    one = {"command": "send-message", "data": {"id": 1, "receiver": "0812345678", "message": "one"}}
    two = {"receiver": "0812345679", "message": "two", "id": 2}
    answer = client.post({"command": "send-message", "channel": "sms", "data": [one, two]})
    assert [entry["data"]["id"] for entry in answer.json] == ["1", "2"]
    assert [entry["command"] for entry in answer.json] == ["send-message", "send-sms"]
    assert sorted(door.fleet.texts) == ["one", "two"]


def test_an_asynchronous_send_answers_202_and_its_status_can_be_asked_for(door: Door, client: Client) -> None:
    door.fleet.holding = True
    answer = client.post(sms(id="a/7 ü"), Prefer="wait=5, Respond-Async; q=1")
    assert (answer.status, answer.headers["Preference-Applied"]) == (202, "respond-async")
    assert answer.json == {
        "command": "send-sms",
        "response_code": "0000",
        "data": {"id": "a/7 ü", "state": "queued"},
    }
    path = "/api/status/a%2F7%20%C3%BC"
    before = client.ask("GET", path)
    assert before.status == 200
    assert (before.json["state"], before.json["finished"], before.json["tries"]) == ("queued", None, [])
    door.fleet.release()
    eventually(lambda: client.ask("GET", path).json["state"] == "sent")
    after = client.ask("GET", path).json
    accepted = after.pop("accepted")
    assert after == {
        "id": "a/7 ü",
        "command": "send-sms",
        "state": "sent",
        "reason": "",
        "error": "",
        "receiver": "62812*****89",
        "modem": "M1",
        "parts": 1,
        "finished": accepted,
        "tries": [{"modem": "m1", "at": accepted, "result": "sent"}],
    }


def test_an_id_is_made_where_none_was_given(client: Client) -> None:
    answer = client.post(sms(), Prefer="respond-async")
    assert answer.status == 202
    made = answer.json["data"]["id"]
    assert client.ask("GET", f"/api/status/{made}").json["id"] == made


def test_the_status_of_another_users_message_is_not_told(door: Door, client: Client) -> None:
    client.post(sms(id="mine"))
    other = Client(door.port, basic("other", "other-password"))
    answer = other.ask("GET", "/api/status/mine")
    assert (answer.status, answer.json["reason"]) == (404, "not_found")
    assert client.ask("GET", "/api/status/mine").status == 200
    assert client.ask("GET", "/api/status/nothing").status == 404
    assert client.ask("POST", "/api/status/mine").headers["Allow"] == "GET, HEAD"
    other.authorization = ""
    assert other.ask("GET", "/api/status/mine").status == 401
    other.close()


def test_asynchronously_what_has_no_later_is_answered_at_once(client: Client) -> None:
    data = {"reference": "r", "receiver": "0812345678", "otp": "1"}
    answer = client.post({"command": "verify-otp", "data": data}, Prefer="respond-async")
    assert (answer.status, answer.json["response_code"]) == (200, "1202")
    several = {
        "command": "send-message",
        "channel": "sms",
        "data": [{"receiver": "0812345678", "message": "x"}],
    }
    answer = client.post(several, Prefer="respond-async")
    assert (answer.status, answer.json[0]["data"]["state"]) == (202, "queued")


def test_health(door: Door) -> None:
    anybody = Client(door.port, " ")
    assert anybody.ask("GET", "/health/live").json == {"live": True}
    assert anybody.ask("GET", "/health/ready").json == {"ready": True}
    door.ready = (False, "no modem is connected")
    answer = anybody.ask("GET", "/health/ready")
    assert (answer.status, answer.json) == (503, {"ready": False, "why": "no modem is connected"})
    assert anybody.ask("POST", "/health/live").status == 405
    anybody.close()


def test_keep_alive_and_pipelining(door: Door) -> None:
    one = head("/api/otp", f"Content-Length: {len(ECHO)}") + ECHO
    last = head("/api/otp", f"Content-Length: {len(ECHO)}", "Connection: Close") + ECHO
    answer = read_to_end(door.raw(one * 20 + last))
    assert answer.count(b"HTTP/1.1 200 OK") == 21
    assert answer.count(ECHOED) == 21


def test_http_1_0_with_and_without_keep_alive(door: Door) -> None:
    request = head("/health/live", method="GET").replace(b"HTTP/1.1", b"HTTP/1.0")
    answer = read_to_end(door.raw(request))
    assert answer.endswith(b'{"live":true}')
    sock = door.raw(request[:-2] + b"Connection: keep-alive\r\n\r\n")
    for _ in range(2):
        assert b"Connection: Keep-Alive" in sock.recv(4096)
        sock.sendall(request[:-2] + b"Connection: keep-alive\r\n\r\n")
    sock.close()


def test_head_and_body_leave_in_one_segment_and_nothing_waits_for_an_acknowledgement(door: Door) -> None:
    sock = door.raw()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(50):
        sock.sendall(head("/api/otp", f"Content-Length: {len(ECHO)}") + ECHO)
        assert sock.recv(4096).endswith(ECHOED)  # by the first read: not the head alone
    sock.close()


def test_an_answer_is_plain_ascii_json(client: Client) -> None:
    answer = client.post(json.dumps({"command": "echo", "data": "ü"}, ensure_ascii=False).encode())
    assert b"\\u00fc" in answer.body
    assert answer.json["data"]["data"] == "ü"
