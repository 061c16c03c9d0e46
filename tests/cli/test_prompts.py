from __future__ import annotations

import pytest
from typer.testing import CliRunner

from .processes import on_terminal
from .shop import app

runner = CliRunner()


@pytest.mark.parametrize(("command", "option"), [("ask", "--yes"), ("ask-amount", "--live ACCOUNT_ID")])
def test_nobody_is_asked_when_stdin_is_not_a_terminal(command: str, option: str) -> None:
    result = runner.invoke(app, [command], input="y\n")

    assert result.exit_code == 6
    assert result.stdout == ""
    assert f"Pass {option} to go on." in result.stderr


@pytest.mark.parametrize("command", ["ask", "ask-amount"])
def test_an_answer_given_in_advance_is_enough(command: str) -> None:
    result = runner.invoke(app, [command, "--yes"])

    assert result.stdout == "done\n"


@pytest.mark.parametrize("typed", ["y\n", "YES\n"])
def test_yes_goes_on(typed: str) -> None:
    finished = on_terminal("ask", typed=typed)

    assert finished.status == 0
    assert "Refund USD 5.00? [y/N]" in finished.screen


@pytest.mark.parametrize("typed", ["\n", "n\n", "yesterday\n", "\x04"])
def test_anything_else_stops(typed: str) -> None:
    finished = on_terminal("ask", typed=typed)

    assert finished.status == 6
    assert "Nothing was done." in finished.screen


@pytest.mark.parametrize("typed", ["5.00\n", "USD 5.00\n", "usd  5.00\n"])
def test_the_right_amount_goes_on(typed: str) -> None:
    finished = on_terminal("ask-amount", typed=typed)

    assert finished.status == 0


@pytest.mark.parametrize("typed", ["y\n", "5\n", "EUR 5.00\n", "\n", "USD\n"])
def test_any_other_amount_stops(typed: str) -> None:
    finished = on_terminal("ask-amount", typed=typed)

    assert finished.status == 6
