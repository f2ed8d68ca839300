"""docs/settings.md says what the declarations say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from app.settings.manual import manual
from app.settings.sections import SECTIONS

ROOT = Path(__file__).parents[2]


def test_the_manual_is_current() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == manual(), "run scripts/settings-manual"


def test_the_manual_names_every_option() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for section in SECTIONS:
        chapter = page.partition(f"(`{section.about.name}`)")[2].partition("\n## ")[0]
        for name in section.options:
            assert f"| `{name}` |" in chapter


def test_settings_are_read_without_what_only_a_login_needs() -> None:
    code = (
        "import sys; import app.settings.store, app.settings.watch;"
        "print([name for name in ('argon2', 'cryptography', 'ssl', 'asyncio') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )
    assert result.stdout == "[]\n"
