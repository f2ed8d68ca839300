"""A gateway in a process that a test may kill: ``FOLDER PORT [MAILS]``; it writes ``FOLDER/taken``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from app.core.commands import SendEmail, Source
from app.core.recovery import recover
from tests.mail.conftest import MailHouse, account

ACCOUNTS, LIMIT = 20, 50
MAILS = ACCOUNTS * LIMIT


def main() -> None:
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    house = MailHouse(folder)
    house.turns.load([account(port, f"a{number}", daily_limit=LIMIT) for number in range(ACCOUNTS)])
    recover(house.ledger, house.spool, house.intake, house.clock)
    for number in range(int(sys.argv[3]) if len(sys.argv) > 3 else 0):
        command = SendEmail("send-email", "ani@example.com", f"mail {number}", id=f"m{number}")
        assert house.gateway.take(command, Source("rest", "shop")).ok
        with (folder / "taken").open("a") as taken:
            taken.write(f"mail {number}\n")
    while house.database.read("SELECT count(*) FROM message WHERE finished IS NULL")[0][0]:
        time.sleep(0.05)
    house.close()


if __name__ == "__main__":
    main()
