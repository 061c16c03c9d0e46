"""Report runs and the files that they make, and files that are uploaded."""

from __future__ import annotations

import csv
import json
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from tests.sandbox.orders import order
from tests.sandbox.payments import get, pay, post, types
from tests.support.multipart import CONTENT_TYPE, multipart

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

    from azpay.sandbox import Sandbox

DAY = 24 * 60 * 60
START = 1_795_132_800
"""Midnight before the clock of these tests begins, at noon of 20 November 2026."""


def a_busy_week(client: V1Services, sandbox: Sandbox) -> None:
    """Paid out daily: two payments of 20.00 USD, one of JPY 1500, a refund, and a dispute."""
    order(sandbox, "policy", payouts="daily")
    customer = client.customers.create({"name": "=Ada", "email": "ada@example.com"})
    paid = pay(client, customer=customer.id, metadata={"order": "7"}, description="Hats, two")
    pay(client, amount=1500, currency="jpy")
    pay(client, "pm_card_createDisputeProductNotReceived")
    client.refunds.create({"payment_intent": paid.id, "amount": 550, "metadata": {"why": "torn"}})
    sandbox.advance(8 * DAY)


def run(client: V1Services, sandbox: Sandbox, report_type: str, **parameters: Any) -> list[dict[str, str]]:
    made = client.reporting.report_runs.create({"report_type": report_type, "parameters": parameters})  # type: ignore[typeddict-item]
    sandbox.advance(5)
    done = client.reporting.report_runs.retrieve(made.id)
    assert (made.status, done.status, done.error) == ("pending", "succeeded", None)
    assert done.result is not None
    contents = get(sandbox, f"/v1/files/{done.result.id}/contents")
    assert contents.headers["Content-Type"] == "text/csv"
    return list(csv.DictReader(StringIO(contents.body.decode())))


def whole_week(**more: Any) -> dict[str, Any]:
    return {"interval_start": START, "interval_end": START + 8 * DAY, **more}


def test_activity_is_told_in_major_units(client: V1Services, sandbox: Sandbox) -> None:
    a_busy_week(client, sandbox)

    rows = run(client, sandbox, "balance_change_from_activity.itemized.3", **whole_week())

    told = [
        (row["reporting_category"], row["currency"], row["gross"], row["fee"], row["net"]) for row in rows
    ]
    assert told == [
        ("refund", "usd", "-5.50", "0.00", "-5.50"),
        ("charge", "usd", "20.00", "0.88", "19.12"),
        ("charge", "jpy", "1500", "74", "1426"),
        ("charge", "usd", "20.00", "0.88", "19.12"),
        ("dispute", "usd", "-20.00", "15.00", "-35.00"),
    ]
    assert rows[0]["created"] == "2026-11-20 12:00:00"
    assert rows[1]["description"] == "Hats, two"


def test_the_balance_adds_up_from_start_to_end(client: V1Services, sandbox: Sandbox) -> None:
    a_busy_week(client, sandbox)

    rows = run(client, sandbox, "balance.summary.1", **whole_week())

    yen = {row["category"]: int(row["net_amount"]) for row in rows if row["currency"] == "jpy"}
    dollars = {row["category"]: row["net_amount"] for row in rows if row["currency"] == "usd"}
    assert yen == {"starting_balance": 0, "activity": 1426, "payouts": -1426, "ending_balance": 0}
    assert dollars["activity"] == dollars["ending_balance"] == "-2.26"


def test_a_payout_is_reconciled_by_its_report(client: V1Services, sandbox: Sandbox) -> None:
    a_busy_week(client, sandbox)
    [payout] = client.payouts.list().data

    [charge] = run(client, sandbox, "payout_reconciliation.by_id.itemized.4", payout=payout.id)
    [summed] = run(client, sandbox, "payout_reconciliation.summary.1", **whole_week())
    [paid] = run(client, sandbox, "payouts.itemized.3", **whole_week())

    assert (charge["automatic_payout_id"], charge["net"]) == (payout.id, "1426")
    assert (summed["reporting_category"], summed["count"], summed["net"]) == ("charge", "1", "1426")
    assert (paid["payout_id"], paid["gross"], paid["payout_status"]) == (payout.id, "-1426", "paid")


def test_what_was_not_paid_out_is_the_ending_balance(client: V1Services, sandbox: Sandbox) -> None:
    a_busy_week(client, sandbox)

    rows = run(client, sandbox, "ending_balance_reconciliation.itemized.4", interval_end=START + 8 * DAY)

    assert [row["reporting_category"] for row in rows] == ["refund", "charge", "charge", "dispute"]
    assert {row["automatic_payout_id"] for row in rows} == {""}


def test_columns_zones_and_categories_are_chosen(client: V1Services, sandbox: Sandbox) -> None:
    a_busy_week(client, sandbox)
    columns = [
        "created", "created_utc", "payment_intent_id", "customer_name", "card_brand",
        "payment_metadata[order]", "refund_metadata[why]",
    ]  # fmt: skip

    [row] = run(
        client,
        sandbox,
        "balance_change_from_activity.itemized.3",
        **whole_week(columns=columns, timezone="Asia/Tokyo", reporting_category="refund"),
    )

    assert list(row) == columns
    assert (row["created"], row["created_utc"]) == ("2026-11-20 21:00:00", "2026-11-20 12:00:00")
    assert (row["customer_name"], row["card_brand"]) == ("=Ada", "visa")
    assert (row["payment_metadata[order]"], row["refund_metadata[why]"]) == ("7", "torn")


def test_a_report_of_nothing_has_its_columns(client: V1Services, sandbox: Sandbox) -> None:
    assert run(client, sandbox, "payouts.summary.1", interval_start=START - DAY, interval_end=START) == []


@pytest.mark.parametrize(
    ("report_type", "parameters", "param", "message"),
    [
        ("balance.summary.1", {}, "parameters[interval_start]", "Missing required param"),
        ("nonsense.1", {}, "report_type", "No such report type"),
        (
            "balance.summary.1",
            {"interval_start": START, "interval_end": START + DAY},
            "parameters[interval_end]",
            "only available through 2026-11-20T12:00:00",
        ),
        (
            "balance.summary.1",
            {"interval_start": 0, "interval_end": START},
            "parameters[interval_start]",
            "only available from 2017",
        ),
        (
            "balance.summary.1",
            {"interval_start": START, "interval_end": START},
            "parameters[interval_start]",
            "start before it ends",
        ),
        (
            "balance.summary.1",
            {"interval_start": START - DAY, "interval_end": START, "timezone": "Mars/Olympus"},
            "parameters[timezone]",
            "Invalid timezone",
        ),
        (
            "balance.summary.1",
            {"interval_start": START - DAY, "interval_end": START, "columns[]": "colour"},
            "parameters[columns]",
            "no column colour",
        ),
        (
            "balance.summary.1",
            {"interval_start": START - DAY, "interval_end": START, "payout": "po_1"},
            "parameters[payout]",
            "does not take",
        ),
        ("payout_reconciliation.by_id.summary.1", {"payout": "po_1"}, "parameters[payout]", "No such payout"),
    ],
)
def test_a_report_that_cannot_be_run_is_explained(
    sandbox: Sandbox, report_type: str, parameters: dict[str, Any], param: str, message: str
) -> None:
    asked = {f"parameters[{name}]".replace("[]]", "][]"): str(value) for name, value in parameters.items()}

    answer = post(sandbox, "/v1/reporting/report_runs", {"report_type": report_type, **asked})

    error = json.loads(answer.body)["error"]
    assert (answer.status, error["param"]) == (400, param)
    assert message in error["message"]


def test_a_payout_that_is_not_reconciled_fails_its_report(client: V1Services, sandbox: Sandbox) -> None:
    order(sandbox, "policy", payouts="daily")
    pay(client, "pm_card_bypassPending")
    sandbox.advance(DAY)
    [payout] = client.payouts.list().data
    made = client.reporting.report_runs.create(
        {"report_type": "payout_reconciliation.by_id.itemized.4", "parameters": {"payout": payout.id}}
    )

    sandbox.advance(5)

    failed = client.reporting.report_runs.retrieve(made.id)
    assert (failed.status, failed.result) == ("failed", None)
    assert failed.error is not None
    assert "not reconciled yet" in failed.error
    assert types(sandbox)[-1] == "reporting.report_run.failed"


def test_report_types_say_what_they_hold(client: V1Services) -> None:
    known = {kind.id: kind for kind in client.reporting.report_types.list().data}

    one = client.reporting.report_types.retrieve("payout_reconciliation.itemized.5")

    assert (one.version, one.default_columns) == (5, known[one.id].default_columns)
    assert one.data_available_end == START + DAY // 2


def upload(client: V1Services, content: bytes = b"\x89PNG\r\n\0\xff--", name: str = "r.png") -> stripe.File:
    file = BytesIO(content)
    file.name = name
    return client.files.create({"purpose": "dispute_evidence", "file": file})


def test_a_file_comes_back_byte_for_byte(client: V1Services, sandbox: Sandbox) -> None:
    content = bytes(range(256)) + b"\r\n--sandbox\r\n"

    file = upload(client, content)

    assert (file.size, file.type, file.purpose) == (len(content), "png", "dispute_evidence")
    assert file.url == f"{sandbox.base_url}/v1/files/{file.id}/contents"
    answer = get(sandbox, f"/v1/files/{file.id}/contents")
    assert (answer.body, answer.headers["Content-Type"]) == (content, "image/png")
    assert [known.id for known in client.files.list({"purpose": "dispute_evidence"}).data] == [file.id]
    assert client.files.list({"purpose": "finance_report_run"}).data == []
    assert types(sandbox) == ["file.created"]


def test_evidence_may_be_a_document(client: V1Services, sandbox: Sandbox) -> None:
    file = upload(client)
    raised = order(sandbox, "disputes", charge=pay(client).id)

    sent = client.disputes.update(
        raised["id"], {"evidence": {"receipt": file.id}, "expand": ["evidence.receipt"]}
    )

    assert isinstance(sent.evidence.receipt, stripe.File)
    assert sent.evidence.receipt.size == file.size


def test_evidence_is_a_picture_or_a_pdf(client: V1Services) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Invalid file type"):
        upload(client, name="virus.exe")
    with pytest.raises(stripe.InvalidRequestError, match="it is empty"):
        upload(client, b"")


def test_contents_are_shown_to_those_with_a_key(client: V1Services, sandbox: Sandbox) -> None:
    file = upload(client)

    assert get(sandbox, f"/v1/files/{file.id}/contents", authorization="").status == 401


WHOLE = multipart({"purpose": "dispute_evidence"}, b"x")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", CONTENT_TYPE),
        (WHOLE[:-10], CONTENT_TYPE),
        (WHOLE.replace(b"\r\n\r\n", b"\r\n"), CONTENT_TYPE),
        (WHOLE.replace(b'name="purpose"', b"nameless"), CONTENT_TYPE),
        (WHOLE.replace(b"dispute_evidence", b"\xff"), CONTENT_TYPE),
        (WHOLE.replace(b"dispute_evidence", b"\0"), CONTENT_TYPE),
        (WHOLE.replace(b"; filename=", b"; filenam="), CONTENT_TYPE),
        (multipart(dict.fromkeys(map(str, range(200)), "x"), b"x"), CONTENT_TYPE),
        (WHOLE, "multipart/form-data"),
        (WHOLE, "multipart/form-data; boundary=other"),
        (b"purpose=dispute_evidence&file=x", "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
    ],
)
def test_a_broken_upload_is_refused(sandbox: Sandbox, body: bytes, kind: str) -> None:
    answer = post(sandbox, "/v1/files", body, content_type=kind)

    assert answer.status == 400
    assert sandbox.summary()["objects"]["file"] == 0


def test_only_files_are_uploaded(sandbox: Sandbox) -> None:
    assert post(sandbox, "/v1/customers", WHOLE, content_type=CONTENT_TYPE).status == 400
