"""Programs to copy that send a code and check it, with this device's address filled in."""

from __future__ import annotations

from collections.abc import Mapping

# Complete, and with nothing to install: curl, Python's own library, PHP with its usual curl extension.
_CURL = """\
# send a code
curl @TRUST@-u @USER@:PASSWORD @URL@ -d '{"command":"request-otp",
  "data":{"reference":"login-1","receiver":"081212345678","message":"Your code is %s"}}'

# check what the user typed in
curl @TRUST@-u @USER@:PASSWORD @URL@ -d '{"command":"verify-otp",
  "data":{"reference":"login-1","receiver":"081212345678","otp":"123456"}}'
"""
_PYTHON = """\
import base64, json, @SSL@urllib.error, urllib.request

URL, USER, PASSWORD = "@URL@", "@USER@", "PASSWORD"

def ask(command, **data):
    body = json.dumps({"command": command, "data": data}).encode()
    key = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    asked = urllib.request.Request(URL, body, {"Authorization": f"Basic {key}"})
    try:
        with urllib.request.urlopen(asked, timeout=120@CONTEXT@) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        return json.load(refused)

who = {"reference": "login-1", "receiver": "081212345678"}
sent = ask("request-otp", message="Your code is %s", **who)
if sent["response_code"] != "0000":
    raise SystemExit(sent["error"])
checked = ask("verify-otp", otp=input("Code: "), **who)
print("welcome" if checked["response_code"] == "0000" else checked["error"])
"""
_PHP = """\
<?php
const URL = "@URL@", USER = "@USER@", PASSWORD = "PASSWORD";

function ask(string $command, array $data): array {
    $request = curl_init(URL);
    curl_setopt_array($request, [
        CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 120,@CAINFO@
        CURLOPT_USERPWD => USER . ":" . PASSWORD,
        CURLOPT_POSTFIELDS => json_encode(["command" => $command, "data" => $data]),
    ]);
    $answer = curl_exec($request);
    if ($answer === false) exit(curl_error($request) . PHP_EOL);
    return json_decode($answer, true);
}

$who = ["reference" => "login-1", "receiver" => "081212345678"];
$sent = ask("request-otp", $who + ["message" => "Your code is %s"]);
if ($sent["response_code"] !== "0000") exit($sent["error"] . PHP_EOL);
$checked = ask("verify-otp", $who + ["otp" => trim(fgets(STDIN))]);
echo $checked["response_code"] === "0000" ? "welcome" : $checked["error"], PHP_EOL;
"""
_TEXTS = {"curl": _CURL, "Python": _PYTHON, "PHP": _PHP}
TRUSTED = "otp-pi.pem"  # where the reader keeps the device's own certificate


def snippets(url: str, user: str) -> Mapping[str, str]:
    """By language; over HTTPS they trust the device's own certificate, kept in a file beside them."""
    secure = url.startswith("https:")
    filled = {
        "@URL@": url,
        "@USER@": user,
        "@TRUST@": f"--cacert {TRUSTED} " if secure else "",
        "@SSL@": "ssl, " if secure else "",
        "@CONTEXT@": f', context=ssl.create_default_context(cafile="{TRUSTED}")' if secure else "",
        "@CAINFO@": f' CURLOPT_CAINFO => "{TRUSTED}",' if secure else "",
    }
    return {name: _filled(text, filled) for name, text in _TEXTS.items()}


def _filled(text: str, filled: Mapping[str, str]) -> str:
    for place, value in filled.items():
        text = text.replace(place, value)
    return text
