"""A file as text: what Excel, programs and the malicious write."""

from __future__ import annotations

import io
import json

import pytest

from azpay.payments.batches.asking import COLUMNS, Terms, fingerprint, mistakes_in, request_of
from azpay.payments.batches.models import BatchKind
from azpay.payments.batches.reading import MOST_LINE, Line, read
from azpay.payments.requests import ChargeRequest

CHARGE, REFUND = BatchKind.CHARGE, BatchKind.REFUND
CARD = "4242 4242 4242 4242"
HEAD = "amount,currency,method\n"
ROW = "12.50,eur,pm_card_visa\n"


def lines(text: str | bytes, kind: BatchKind = CHARGE) -> list[Line]:
    content = text if isinstance(text, bytes) else text.encode()
    return list(read(io.BytesIO(content), COLUMNS[kind]))


def told(text: str | bytes, kind: BatchKind = CHARGE) -> list[str]:
    """Everything that is wrong, as it is told."""
    return [str(each) for line in lines(text, kind) for each in mistakes_in(kind, line, Terms())]


def test_a_sheet_as_excel_writes_it_is_read() -> None:
    sheet = b'\xef\xbb\xbfAmount,Currency,Method,Description\r\n12.50,EUR,pm_1,"A ""book"", used"\r\n'

    (line,) = lines(sheet)

    assert line.row == 2
    assert line.cells == {
        "amount": "12.50", "currency": "EUR", "method": "pm_1", "description": 'A "book", used'
    }  # fmt: skip


def test_a_line_of_json_says_the_same_as_a_row_of_a_sheet() -> None:
    sheet = "currency,amount,method,receipt_email,metadata.Team\neur,12.50,pm_1,ada@example.com,blue\n"
    said = {
        "amount": "12.50",
        "currency": "EUR",
        "method": "pm_1",
        "note": None,
        "metadata": {"Team": "blue"},
    }
    said = {**said, "receipt-email": "ada@example.com"}
    del said["note"]

    (row,), (json_line,) = lines(sheet), lines(json.dumps(said))

    assert (row.row, json_line.row) == (2, 1)
    assert json_line.mistakes == ()
    assert fingerprint(CHARGE, row.cells, Terms()) == fingerprint(CHARGE, json_line.cells, Terms())


def test_what_holds_for_all_rows_makes_them_other_requests() -> None:
    (line,) = lines(HEAD + ROW)

    prints = {
        fingerprint(kind, line.cells, terms)
        for kind in BatchKind
        for terms in (Terms(), Terms(off_session=True), Terms(allow_duplicate=True))
    }

    assert len(prints) == 4


def test_cells_that_our_own_sheets_guard_lose_their_guard() -> None:
    (line,) = lines("amount,currency,method,description\n1.00,usd,pm_1,'=HYPERLINK()\n")

    assert line.cells["description"] == "=HYPERLINK()"


def test_empty_rows_are_left_out_and_counted() -> None:
    found = lines(HEAD + ",,\n\n" + ROW)

    assert [line.row for line in found] == [4]


def test_a_row_becomes_the_request_that_the_options_would_make() -> None:
    (line,) = lines("amount,currency,customer,metadata.k\n1250,eur,ada@example.com,v\n")

    request = request_of(CHARGE, line, Terms(amount_minor=True, authorize_only=True))

    assert isinstance(request, ChargeRequest)
    assert (str(request.money), request.customer) == ("EUR 12.50", "ada@example.com")
    assert (request.metadata, request.authorize_only) == ({"k": "v"}, True)


def test_every_mistake_of_every_row_is_told_at_once() -> None:
    sheet = (
        "amount,currency,method,receipt_email,metadata.azpay_x\n"
        '"12,50",eur,pm_1,,\n'
        "1e3,eur,card,ada,\n"
        "0.10,eur,,ada@example.com,x\n"
        "10.00,xyz,pm_1,,\n"
        ",eur,pm_1,,\n"
    )

    found = told(sheet)

    assert [line.split(": ")[0] for line in found] == [
        "row 2, amount", "row 3, method", "row 3, receipt_email", "row 3, amount",
        "row 4, metadata.azpay_x", "row 4, amount", "row 5, currency", "row 6, amount",
    ]  # fmt: skip


def test_a_row_that_names_nobody_to_charge_is_a_mistake() -> None:
    assert told("amount,currency,method\n5.00,usd,\n") == [
        "row 2: There is nothing to charge. Give --method pm_…, or --customer with a default method "
        "(`azpay methods list`)."
    ]


@pytest.mark.parametrize(
    ("titles", "said"),
    [
        ("amount,currency,metod", "row 1, metod: is no column of this command. Did you mean method?"),
        ("amount,currency,method,method", "row 1, method: stands there twice. Keep one of the two."),
        ("amount,method", "row 1, currency: is missing. Add the column currency."),
        (
            "amount;currency;method",
            "row 1: its columns are separated by semicolons. Separate them by commas.",
        ),
        ("amount,currency,method,", "row 1: a column has no title. Give it one, or take it out."),
        ("amount,currency,metadata.", "row 1, metadata.: is no column of this command."),
        (f"amount,currency,{CARD}", "row 1: looks like a card number, which azpay never takes."),
    ],
)
def test_a_title_that_is_wrong_is_named(titles: str, said: str) -> None:
    assert told(titles + "\n")[0].startswith(said)


@pytest.mark.parametrize("column", ["amount", "currency", "method", "reference", "description", "metadata.k"])
@pytest.mark.parametrize("number", ["4242424242424242", CARD, "4242-4242-4242-4242"])
def test_a_card_number_is_refused_in_any_cell_and_never_repeated(column: str, number: str) -> None:
    row = {"amount": "5.00", "currency": "usd", "method": "pm_1", column: f"x {number}"}
    sheet = ",".join(row) + "\n" + ",".join(row.values()) + "\n"

    for found in (told(sheet), told(json.dumps(row))):
        assert any(f"{column}: looks like a card number" in line for line in found)
        assert not any("4242" in line for line in found)


@pytest.mark.parametrize("character", ["\0", "\x1b", "\u202e", "\u2066", "\u200b", "\x85"])
def test_a_character_that_is_not_shown_is_named(character: str) -> None:
    row = {"amount": "5.00", "currency": "usd", "method": "pm_1", "description": f"a{character}b"}
    sheet = ",".join(row) + "\n" + ",".join(row.values()) + "\n"
    said = f"description: holds U+{ord(character):04X}, which is not shown. Take it out."

    assert told(sheet) == [f"row 2, {said}"]
    assert told(json.dumps(row)) == [f"row 1, {said}"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (b'5.00,usd,"pm_1\n', "has a quote that does not close"),
        (b'5.00,usd,"pm_1"x\n', "has a quote that does not close, or text behind one"),
        (b"5.00,usd\n", "has 2 cells, and there are 3 columns"),
        (b"5.00,usd,pm_\xff\n", "is not UTF-8"),
        (b"5.00,usd,pm_1\r5.00,usd,pm_1\r\n", "ends in a lone CR"),
        (b'5.00,usd,"' + b"a\n" * 100_000 + b'"\n', "has a cell that does not end"),
        (b"5.00,usd," + b"x" * 10_000_000 + b"\n", f"is longer than {MOST_LINE:,} bytes"),
    ],
    ids=lambda value: str(value[:20]),
)
def test_a_row_that_cannot_be_read_is_named(row: bytes, said: str) -> None:
    found = told(HEAD.encode() + ROW.encode() + row)

    assert len(found) == 1
    assert found[0].startswith("row 3: " + said)


def test_utf_16_is_named() -> None:
    assert "is UTF-16" in told((HEAD + ROW).encode("utf-16"))[0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "row 1: is not JSON."),
        ("{}\n[]", "row 2: is no object."),
        ("{" + '"a":{' * 40_000, "row 1: is not JSON."),
        ('{"amount": 12.5, "currency": "usd"}', "row 1, amount: is not a text."),
        ('{"amount": 1250, "currency": "usd"}', "row 1, amount: is not a text."),
        ('{"amount": NaN, "currency": "usd"}', "row 1, amount: is not a text."),
        ('{"amount": "1.00", "amount": "2.00", "currency": "usd"}', "row 1, amount: stands there twice."),
        ('{"amount": "1.00", "currency": "usd", "metadata": {"k": {}}}', "row 1, metadata.k: is not a text."),
        ('{"amount": "1.00", "currency": "usd", "paid": "x"}', "row 1, paid: is no column"),
        ('{"amount": "1.00"}', "row 1, currency: is missing."),
        (
            '{"amount": "1.00", "currency": "usd", "description": "\\ud800"}',
            "row 1, description: holds U+D800",
        ),
    ],
    ids=lambda value: value[:30],
)
def test_a_line_of_json_that_is_wrong_is_named(line: str, said: str) -> None:
    assert any(found.startswith(said) for found in told(line))


def test_a_refund_says_why_in_stripes_words() -> None:
    found = told("payment,amount,reason\norder-1,5.00,late\n", REFUND)

    assert found == [
        "row 2, reason: 'late' is no reason. Choose one of: duplicate, fraudulent, requested_by_customer."
    ]
