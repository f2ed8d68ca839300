"""The certificate that serves HTTPS: the first active one of the section, laid out for the web server."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path

from app.settings.files import make_folder, write_whole
from app.settings.keystore import Keystore as Entry

log = logging.getLogger(__name__)


class Keystore:
    """folder: where certificate and key lie for the web server, mode 0600."""

    def __init__(self, folder: Path) -> None:
        self._pem = folder / "keystore.pem"

    def chosen(self, entries: Iterable[Entry]) -> Path | None:
        """The file with chain and key of the first active entry that can be used; None: the device's own."""
        for entry in entries:
            if not entry.active:
                continue
            try:
                pair = entry.pair()
                make_folder(self._pem.parent)
                write_whole(self._pem, pair.chain_pem() + pair.key_pem())
            except (ValueError, OSError) as error:
                log.error("the certificate %s cannot be used: %s", entry.name, error)
                continue
            log.info("HTTPS is served with the certificate %s, good until %s", entry.name, pair.ends.date())
            return self._pem
        with contextlib.suppress(OSError):  # a disk that cannot be written keeps one that nobody reads
            self._pem.unlink()
        return None
