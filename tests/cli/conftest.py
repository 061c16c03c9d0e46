"""Commands under test see a plain terminal environment, whatever the developer's own looks like."""

from __future__ import annotations

import pytest

TERMINAL_SETTINGS = ("NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "COLUMNS", "TERM", "AZPAY_DEBUG")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TERMINAL_SETTINGS:
        monkeypatch.delenv(name, raising=False)
