"""A key is typed once, kept privately, used by every command after that, and forgotten."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from azpay.sandbox import DEFAULT_ACCOUNT, DEFAULT_KEY
from tests.e2e.shop import AZPAY, environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.shop import Finished, Shop

NO_KEYRING = "keyring.backends.fail.Keyring"


def azpay(shop: Shop, *words: str, typed: str = "") -> Finished:
    """As on a server without a keyring, under a profile without a key of its own."""
    surroundings = environment(
        shop.folder,
        AZPAY_DATA_DIR=str(shop.folder / "data"),
        AZPAY_STRIPE_API_BASE=shop.stripe,
        PYTHON_KEYRING_BACKEND=NO_KEYRING,
    )
    return subprocess.run(
        [*AZPAY, *words],
        cwd=shop.folder,
        env=surroundings,
        input=typed,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def kept_in(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and DEFAULT_KEY in file.read_text("latin-1")]


def test_a_key_is_kept_privately_used_by_others_and_forgotten(shop: Shop) -> None:
    assert azpay(shop, "charge", "5", "usd", "--method", "pm_card_visa").returncode == 4

    login = azpay(shop, "login", "--json", typed=f"{DEFAULT_KEY}\n")
    assert login.returncode == 0, login.stderr
    assert json.loads(login.stdout)["data"]["account"] == DEFAULT_ACCOUNT
    assert DEFAULT_KEY not in login.stdout + login.stderr
    assert [file.stat().st_mode & 0o777 for file in kept_in(shop.folder)] == [0o600]

    paid = azpay(shop, "charge", "5", "usd", "--method", "pm_card_visa")
    assert paid.returncode == 0, paid.stderr
    assert paid.stdout.startswith("succeeded  USD 5.00")

    assert azpay(shop, "logout").returncode == 0
    assert kept_in(shop.folder) == []
    assert azpay(shop, "whoami").returncode == 4


def test_a_key_that_stripe_does_not_know_is_not_kept(shop: Shop) -> None:
    login = azpay(shop, "login", typed="sk_test_somebody_elses_key\n")

    assert login.returncode == 4
    assert "Next: " in login.stderr
    assert "somebody_elses_key" not in login.stdout + login.stderr
    assert not list(shop.folder.rglob("credentials*"))
