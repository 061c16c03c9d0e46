from __future__ import annotations

import csv
import io

import pytest

from azpay.cli import spreadsheet


def test_a_sheet_opens_in_excel() -> None:
    file = io.StringIO(newline="")

    spreadsheet.write(file, ["id", "amount", "currency"], [("pay_1", "12.50", "eur"), ("pay_2", None, "jpy")])

    assert file.getvalue() == "\ufeffid,amount,currency\r\npay_1,12.50,eur\r\npay_2,,jpy\r\n"


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+49 170 1234567",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "-",
        "-1.",
        "--1",
        "-1e5",
        "\uff1d1",
        "-\u0661",
    ],
)
def test_a_cell_that_could_run_is_guarded(cell: str) -> None:
    assert spreadsheet.guarded(cell) == f"'{cell}"


@pytest.mark.parametrize(
    ("cell", "written"), [("-12.50", "-12.50"), (-1250, "-1250"), ("a=b", "a=b"), ("", "")]
)
def test_plain_data_stays_as_it_is(cell: str | int, written: str) -> None:
    assert spreadsheet.guarded(cell) == written


def test_a_cell_with_quotes_and_line_breaks_is_one_cell() -> None:
    file = io.StringIO(newline="")

    spreadsheet.write(file, ["note"], [('he said "no",\r\ntwice',)])

    rows = list(csv.reader(io.StringIO(file.getvalue().removeprefix(spreadsheet.BOM), newline="")))
    assert rows == [["note"], ['he said "no",\r\ntwice']]
