from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pypdf import PdfReader
from typer.testing import CliRunner, Result

from azpay import payments
from azpay.cli.app import build
from azpay.cli.table import PROOF, Group, Row
from tests.support.builders import a_charge, a_refund

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.payments import Payment

LIST = Row("list", "azpay.cli.receipt:listing", "List receipts.")
APP = build([Group("receipt", "Receipts.", (LIST,), PROOF, target="azpay.cli.receipt:receipt")])


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def paid(azpay: Azpay) -> Payment:
    """19.99 USD, for order-1."""
    return payments.charge(azpay.db, azpay.gateway, a_charge(1999, reference="order-1"), now=azpay.now())


def here() -> list[str]:
    return [file.name for file in Path().iterdir()]


def run(azpay: Azpay, *args: str) -> Result:
    return CliRunner().invoke(APP, ["receipt", *args], obj=azpay)


def test_a_receipt_is_written_here_and_named_by_its_number(azpay: Azpay, paid: Payment) -> None:
    result = run(azpay, paid.id)

    assert result.exit_code == 0
    assert result.stdout.split() == [
        "Receipt",
        "R-000001",
        "Amount",
        "USD",
        "19.99",
        "File",
        "receipt-R-000001.pdf",
    ]
    file = Path("receipt-R-000001.pdf")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "USD 19.99" in PdfReader(file).pages[0].extract_text()


def test_the_same_command_again_is_the_same_receipt(azpay: Azpay, paid: Payment) -> None:
    run(azpay, paid.id)
    first = Path("receipt-R-000001.pdf").read_bytes()

    again = run(azpay, "order-1")

    assert again.exit_code == 0
    assert Path("receipt-R-000001.pdf").read_bytes() == first
    assert here() == ["receipt-R-000001.pdf"]


def test_a_refund_has_a_receipt_and_shows_on_its_payment_s(azpay: Azpay, paid: Payment) -> None:
    run(azpay, paid.id)
    refund = payments.refund(azpay.db, azpay.gateway, a_refund(paid.id, 500), now=azpay.now())

    of_refund = run(azpay, refund.id, "--json")
    outdated = run(azpay, "R-000001")
    of_payment = run(azpay, "R-000001", "--force")

    told = json.loads(of_refund.stdout)
    assert told["schema"] == "azpay.receipt/1"
    assert told["data"] | {"id": "", "issued": ""} == {
        "id": "",
        "number": "R-000002",
        "payment": paid.id,
        "refund": refund.id,
        "amount": 500,
        "currency": "usd",
        "display": "USD 5.00",
        "issued": "",
        "file": "receipt-R-000002.pdf",
    }
    assert (outdated.exit_code, of_payment.exit_code) == (6, 0)
    assert "USD 14.99" in PdfReader("receipt-R-000001.pdf").pages[0].extract_text()


def test_a_pipe_gets_the_pdf_and_nothing_else(azpay: Azpay, paid: Payment) -> None:
    result = run(azpay, paid.id, "-o", "-")

    assert result.exit_code == 0
    assert len(PdfReader(BytesIO(result.stdout_bytes)).pages) == 1
    assert result.stdout_bytes.startswith(b"%PDF-")
    assert here() == []


def test_a_terminal_gets_no_pdf() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "azpay", "receipt", "R-000001", "-o", "-"]

    done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, text=True, check=False)

    os.close(theirs)
    os.close(ours)
    assert done.returncode == 2
    assert "A PDF is not for a terminal." in done.stderr


def test_pdf_and_json_do_not_share_standard_output(azpay: Azpay, paid: Payment) -> None:
    result = run(azpay, paid.id, "-o", "-", "--json")

    assert result.exit_code == 2
    assert json.loads(result.stdout)["data"]["code"] == "usage"


def test_without_a_merchant_s_name_it_warns(azpay: Azpay, paid: Payment) -> None:
    result = run(azpay, paid.id)

    assert "AZPAY_MERCHANT_NAME is not set" in result.stderr


def test_the_zone_is_the_one_asked_for(azpay: Azpay, paid: Payment) -> None:
    result = run(azpay, paid.id, "-o", "here.pdf", "--tz", "Asia/Kolkata")

    assert result.exit_code == 0
    assert "17:30 UTC+05:30" in PdfReader("here.pdf").pages[0].extract_text()


def test_a_declined_payment_is_a_conflict_and_says_where_to_look(azpay: Azpay) -> None:
    with pytest.raises(Exception, match="declined"):
        payments.charge(
            azpay.db,
            azpay.gateway,
            a_charge(payment_method="pm_card_chargeDeclined", reference="order-2"),
            now=azpay.now(),
        )

    result = run(azpay, "order-2")

    assert result.exit_code == 7
    assert "is failed: there is no receipt for it." in result.stderr
    assert "azpay history pay_" in result.stderr
    assert here() == []


@pytest.mark.parametrize("named", ["pay_nowhere", "R-000042", "ref_nowhere", "order-nowhere"])
def test_what_nobody_knows_has_no_receipt(azpay: Azpay, named: str) -> None:
    result = run(azpay, named)

    assert result.exit_code == 1
    assert named in result.stderr


@pytest.mark.parametrize(("output", "status"), [("missing/receipt.pdf", 2), (".", 2), ("taken.txt", 6)])
def test_a_place_that_will_not_do_is_refused(azpay: Azpay, paid: Payment, output: str, status: int) -> None:
    Path("taken.txt").write_text("notes")

    result = run(azpay, paid.id, "-o", output)

    assert result.exit_code == status
    assert "Traceback" not in result.stderr
    assert Path("taken.txt").read_text() == "notes"


def test_the_list_shows_the_latest_first_and_goes_on(azpay: Azpay, paid: Payment) -> None:
    refund = payments.refund(azpay.db, azpay.gateway, a_refund(paid.id, 500), now=azpay.now())
    run(azpay, paid.id)
    run(azpay, refund.id)

    first = run(azpay, "list", "--limit", "1")
    second = run(azpay, "list", "--limit", "1", "--cursor", "R-000002", "--json")

    assert first.stdout.splitlines()[1].split()[:6] == [
        "R-000002",
        "2026-03-02",
        "12:00",
        "USD",
        "5.00",
        "refund",
    ]
    assert "More: --cursor R-000002" in first.stderr
    told = json.loads(second.stdout)
    assert told["schema"] == "azpay.receipts/1"
    assert [each["number"] for each in told["data"]["receipts"]] == ["R-000001"]
    assert told["data"]["next"] is None


def test_an_empty_list_says_so(azpay: Azpay) -> None:
    result = run(azpay, "list", "--since", "2020-01-01", "--until", "2020-02-01")

    assert (result.exit_code, result.stdout) == (0, "No receipts.\n")


def test_the_list_refuses_a_foreign_cursor(azpay: Azpay) -> None:
    result = run(azpay, "list", "--cursor", "zzz")

    assert result.exit_code == 2
