from __future__ import annotations

import io
import json
import re

import pytest
from rich.console import Console
from typer.testing import CliRunner

from azpay.cli.tables import Column, Table, render

from .processes import on_terminal
from .shop import HOSTILE, PAYMENT, app

runner = CliRunner()

SHOWN = r"a\x1b[31m[bold]b\u202ec\nd"


def test_json_is_one_document_and_nothing_else() -> None:
    result = runner.invoke(app, ["refund", "pay_1", "--note", "Grüße", "--json"])

    assert result.stdout == '{"schema": "shop.refund/1", "data": {"payment": "pay_1", "note": "Grüße"}}\n'


def test_json_keeps_the_data_and_spares_the_terminal() -> None:
    result = runner.invoke(app, ["refund", HOSTILE, "--json"])

    assert json.loads(result.stdout)["data"]["payment"] == HOSTILE
    assert not {"\x1b", "\u202e"} & set(result.stdout)


def test_messages_go_to_stderr_unless_quiet() -> None:
    told = runner.invoke(app, ["refund", "pay_1"])
    quiet = runner.invoke(app, ["refund", "pay_1", "-q"])

    assert told.stderr == "Refunding pay_1\n"
    assert quiet.stderr == ""
    assert told.stdout == quiet.stdout


def test_fields_in_a_pipe_are_aligned() -> None:
    result = runner.invoke(app, ["refund", "pay_1", "--note", HOSTILE])

    assert result.stdout == f"payment  pay_1\nnote     {SHOWN}\n"


def test_a_table_in_a_pipe_is_plain_and_whole() -> None:
    result = runner.invoke(app, ["history"])

    assert result.stdout.startswith("payment  ")
    assert result.stdout.splitlines()[1] == (
        f"{PAYMENT}  failed  USD 1000.00  cus_NffrFeUfNV2Hib  order-17   {SHOWN}"
    )


def test_an_empty_table_says_so() -> None:
    result = runner.invoke(app, ["history", "--count", "0"])

    assert result.stdout == "Nothing to show.\n"


def test_columns_leave_in_order_when_a_terminal_is_narrow() -> None:
    screen = on_terminal("history", columns=80).screen

    assert PAYMENT in screen
    assert "USD 2000.00" in screen
    assert "order-17" in screen
    assert "No room for: customer, description." in screen
    assert all(len(line) <= 80 for line in without_styles(screen).splitlines())


def test_a_column_in_which_no_row_has_anything_leaves_first_and_unmentioned() -> None:
    columns = [Column("payment"), Column("customer", drop=2), Column("reference", drop=1)]
    screen = io.StringIO()

    hidden = render(Table(columns, [[PAYMENT, "", "order-17"]]), Console(file=screen, width=45))

    assert screen.getvalue().splitlines()[0].split() == ["payment", "reference"]
    assert hidden == []


def test_ids_stay_whole_on_a_terminal_too_narrow_for_any_table() -> None:
    screen = without_styles(on_terminal("history", columns=45).screen)

    assert screen.splitlines()[0].split() == ["payment", PAYMENT]
    assert all(len(line) <= 45 for line in screen.splitlines())


def test_a_wide_terminal_shows_every_column_in_colour() -> None:
    screen = on_terminal("history", columns=160).screen

    assert SHOWN in without_styles(screen)
    assert "\x1b[31mfailed" in screen


def test_columns_sets_the_width() -> None:
    screen = on_terminal("history", columns=80, COLUMNS="160").screen

    assert "No room" not in screen


@pytest.mark.parametrize("command", [["history"], ["drawn"], ["fail", "Usage"]])
def test_no_color_is_honoured(command: list[str]) -> None:
    screen = on_terminal(*command, NO_COLOR="1").screen

    assert "\x1b" not in screen


def test_colour_can_be_forced_into_a_pipe() -> None:
    result = runner.invoke(app, ["drawn"], env={"CLICOLOR_FORCE": "1"})

    assert result.stdout == "\x1b[31m[drawn]\x1b[0m\n"


def test_a_drawing_in_a_pipe_has_no_colour() -> None:
    result = runner.invoke(app, ["drawn"])

    assert result.stdout == "[drawn]\n"


def test_long_work_shows_how_far_it_is_where_somebody_looks() -> None:
    looked_at = on_terminal("read")
    quiet = on_terminal("read", "--quiet")
    piped = runner.invoke(app, ["read"])

    assert "Reading charges" in looked_at.screen
    assert quiet.screen == "read\n"
    assert piped.output == "read\n"


def without_styles(screen: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", screen)
