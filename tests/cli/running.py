"""Typing azpay's own commands, in process: over the test's own parts, or over settings as a user has them."""

from __future__ import annotations

import json
import os
import pty
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner, Result

from azpay.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from azpay.bootstrap import Azpay


def run(azpay: Azpay | None, *words: str) -> Result:
    """As in a script: nothing is a terminal."""
    return CliRunner().invoke(app, words, obj=azpay, prog_name="azpay")


def answer(azpay: Azpay | None, *words: str, schema: str) -> Any:
    """The data of a command's JSON document."""
    result = run(azpay, *words, "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["schema"] == schema
    return document["data"]


def error(result: Result) -> Any:
    """The error in a command's JSON document, which says what stderr says."""
    document = json.loads(result.stdout)
    assert document["schema"] == "azpay.error/1"
    assert document["data"]["exit_status"] == result.exit_code
    assert document["data"]["message"].splitlines()[0] in result.stderr
    return document["data"]


def run_at_terminal(
    monkeypatch: pytest.MonkeyPatch, azpay: Azpay, *words: str, typed: str
) -> tuple[int, list[str]]:
    """As a person does: stdin is a terminal, at which this is typed. The exit status, and what was asked."""
    asked: list[str] = []
    with _terminal(typed) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr("typer.echo", lambda text, **_: asked.append(str(text)))
        status = app(words, obj=azpay, prog_name="azpay", standalone_mode=False)
    return status or 0, asked


@contextmanager
def _terminal(typed: str) -> Iterator[Any]:
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    try:
        with os.fdopen(theirs, closefd=True) as stdin:
            yield stdin
    finally:
        os.close(ours)


def settle_in(monkeypatch: pytest.MonkeyPatch, folder: Path, **environment: str) -> None:
    """A user without any settings of azpay's, in an empty folder, except for these."""
    for name in [name for name in os.environ if name.startswith("AZPAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
