"""Runs on the booted device: how the messages ended whose ids are its arguments, `ID STATE` a line."""

import base64
import json
import sys
import urllib.request

AUTHORIZATION = "Basic " + base64.b64encode(b"shop:grey-otter-sings-42").decode()

for message in sys.argv[1:]:
    request = urllib.request.Request(
        f"http://127.0.0.1:8899/api/status/{message}", headers={"Authorization": AUTHORIZATION}
    )
    sys.stdout.write(f"{message} {json.load(urllib.request.urlopen(request, timeout=60))['state']}\n")
