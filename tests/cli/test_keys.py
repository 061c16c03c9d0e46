"""The book's key, as an operator meets it: made by itself, written down, lost, brought back and changed."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from azpay.cli.app import app
from azpay.credentials import RootKey

from .running import run, settle_in

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a keyring, where azpay was never run."""
    settle_in(monkeypatch, tmp_path)
    return tmp_path


def recovered(typed: str) -> Result:
    return CliRunner().invoke(app, ["db", "recover"], input=f"{typed}\n", prog_name="azpay")


def recovery_key() -> str:
    shown = json.loads(run(None, "db", "key", "--reveal", "--json").stdout)
    return str(shown["data"]["recovery_key"])


def test_a_key_is_made_by_itself_and_shown_when_asked_for(home: Path) -> None:
    run(None, "history")

    quiet, revealed = run(None, "db", "key"), run(None, "db", "key", "--reveal")

    root = RootKey.read(recovery_key())
    assert root.id in quiet.stdout
    assert f"{home}/config/azpay/credentials.json" in quiet.stdout
    assert root.written not in quiet.output
    assert root.written in revealed.stdout


def test_a_terminal_is_shown_the_recovery_key_once(home: Path) -> None:
    first, second = (seen_on_a_terminal("history") for _ in range(2))

    assert recovery_key() in first
    assert "Write it down" in first
    assert "AZPAY-" not in second


def seen_on_a_terminal(*words: str) -> str:
    """What stands on stderr, when that is a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "azpay", *words]
    subprocess.run(
        command, stderr=theirs, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60, check=True
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            seen += os.read(ours, 65_536)
        except OSError:
            os.close(ours)
            return seen.decode()


def test_a_lost_key_is_brought_back_with_the_recovery_key(home: Path) -> None:
    run(None, "history")
    written = recovery_key()
    (home / "config" / "azpay" / "credentials.json").unlink()

    lost = run(None, "history")
    brought = recovered(written.lower())
    found = run(None, "history")

    assert lost.exit_code == 4
    assert "Nothing was touched" in lost.stderr
    assert "azpay db recover" in lost.stderr
    assert brought.exit_code == 0, brought.stderr
    assert "It opens the book." in brought.stdout
    assert written not in brought.output
    assert found.exit_code == 0


@pytest.mark.parametrize("typed", ["", "AZPAY-1234567", "sk_test_canary"])
def test_what_is_no_recovery_key_is_refused(home: Path, typed: str) -> None:
    refused = recovered(typed)

    assert refused.exit_code == 4
    assert "not a recovery key" in refused.stderr
    assert "canary" not in refused.output


def test_another_books_recovery_key_is_refused_and_not_kept(home: Path) -> None:
    run(None, "history")
    (home / "config" / "azpay" / "credentials.json").unlink()

    refused = recovered(RootKey.make().written)

    assert refused.exit_code == 4
    assert "The book is encrypted with the key" in refused.stderr
    assert not (home / "config" / "azpay" / "credentials.json").exists()


def test_a_key_may_come_before_the_book(home: Path) -> None:
    root = RootKey.make()

    kept = recovered(root.written)
    data = home / "data" / "azpay" / "default.db"
    untouched = data.stat().st_size == 0
    run(None, "history")

    assert "There is no book yet." in kept.stdout
    assert untouched
    assert recovery_key() == root.written


def test_a_book_is_moved_to_a_key_of_its_own_making(home: Path) -> None:
    run(None, "history")
    before = RootKey.read(recovery_key())

    done = run(None, "db", "rekey", "--json")

    after = RootKey.read(recovery_key())
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["data"] == {
        "book": f"sqlite:///{home}/data/azpay/default.db",
        "key": after.id,
        "before": [before.id],
        "file": True,
        "rows": 2,
    }
    assert after != before
    assert f"The book's key {after.id} was made" in done.stderr
    assert after.written not in done.output


def test_a_key_of_the_settings_is_changed_in_the_settings(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = RootKey.make(), RootKey.make()
    monkeypatch.setenv("AZPAY_ENCRYPTION_KEY", old.written)
    run(None, "history")

    told = run(None, "db", "rekey")
    monkeypatch.setenv("AZPAY_ENCRYPTION_KEY", f"{new.written},{old.written}")
    done = run(None, "db", "rekey")
    monkeypatch.setenv("AZPAY_ENCRYPTION_KEY", new.written)
    after = run(None, "history")

    assert (told.exit_code, done.exit_code, after.exit_code) == (4, 0, 0)
    assert "AZPAY_ENCRYPTION_KEY=new,old" in told.stderr
    assert not (home / "config" / "azpay" / "credentials.json").exists()


def test_a_key_for_the_settings_is_made_and_kept_nowhere(home: Path) -> None:
    made = run(None, "db", "key", "--new")

    assert RootKey.read(made.stdout)
    assert not (home / "config").exists()
    assert not (home / "data").exists()


def test_a_mistyped_key_in_the_settings_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = RootKey.make().written
    typo = written[:-1] + ("0" if written[-1] != "0" else "1")
    monkeypatch.setenv("AZPAY_ENCRYPTION_KEY", typo)

    refused = run(None, "history")

    assert refused.exit_code == 4
    assert "not a recovery key" in refused.stderr
    assert typo not in refused.output
