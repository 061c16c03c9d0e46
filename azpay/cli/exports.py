"""Payments into a file or a pipe, as they come: CSV for a spreadsheet, a line of JSON each for a program."""

from __future__ import annotations

import sys
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from azpay.cli import output, spreadsheet
from azpay.cli.showing import instant, payment_data
from azpay.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from azpay.db import Database
    from azpay.payments import Payment, Query
    from azpay.payments.plain import PlainPayment


class Lines(StrEnum):
    """Forms that can be written before the end is known."""

    NDJSON = "ndjson"
    CSV = "csv"


COLUMNS = (
    "id", "created", "status", "currency", "amount", "captured", "refunded", "customer", "reference",
    "description", "card_brand", "card_last4", "failure_code", "payment_intent", "charge",
)  # fmt: skip
NOT_IN_CSV = (
    "payment_method", "receipt_email", "metadata_", "failure_message", "next_action_url", "capture_before",
    "dispute", "origin", "livemode", "updated_at",
)  # fmt: skip


def write_all(db: Database, query: Query, form: Lines) -> None:
    """Every payment of the query, from its cursor on, to stdout."""
    from azpay.payments.exports import exported

    write(exported(db, query, without=NOT_IN_CSV if form is Lines.CSV else ()), form)


def write(payments: Iterable[Payment | PlainPayment], form: Lines) -> None:
    """These payments to stdout."""
    if form is Lines.NDJSON:
        output.stream(map(payment_data, payments))
        return
    sys.stdout.reconfigure(newline="")  # type: ignore[union-attr]  # the sheet brings its own line ends
    spreadsheet.write(sys.stdout, COLUMNS, _cells(payments))


def _cells(payments: Iterable[Payment | PlainPayment]) -> Iterator[list[str | None]]:
    for payment in payments:
        amounts = (payment.amount, payment.amount_captured, payment.amount_refunded)
        yield [
            payment.id,
            instant(payment.created_at),
            payment.status,
            payment.currency.upper(),
            *[_major(amount, payment.currency) for amount in amounts],
            payment.customer,
            payment.reference,
            payment.description,
            payment.card_brand,
            payment.card_last4,
            payment.failure_code,
            payment.payment_intent,
            payment.charge,
        ]


@lru_cache(maxsize=10_000)
def _major(amount: int, currency: str) -> str:
    """What was captured is mostly what was asked, and what was refunded nothing: each is written once."""
    return Money(amount, currency).major()
