"""Files of charges and refunds, as people make them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from azpay.payments import batches
from azpay.payments.batches import BatchKind, File, Pace, Result, RowState, Terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from azpay.bootstrap import Azpay
    from azpay.errors import AzpayError

VISA, BROKE = "pm_card_visa", "pm_card_visa_chargeDeclinedInsufficientFunds"


def a_sheet(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A CSV as Excel writes it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([titles, *rows])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def charges(count: int, *, broke: Iterable[int] = (), name: str = "order") -> bytes:
    """So many charges, of 10.00, 11.00 … USD, under references `order-1` …; some of them are declined."""
    rows = [
        (f"{9 + n}.00", "usd", BROKE if n in set(broke) else VISA, f"{name}-{n}") for n in range(1, count + 1)
    ]
    return a_sheet(("amount", "currency", "method", "reference"), rows)


def a_file(content: bytes, kind: BatchKind = BatchKind.CHARGE, *, new: bool = False, **terms: Any) -> File:
    return File(io.BytesIO(content), kind, Terms(**terms), "sheet.csv", new)


def run(azpay: Azpay, file: File, *, at_once: int = 1, **pace: Any) -> tuple[list[Result], AzpayError | None]:
    """As the command does: check, write down, move. The results, and what stopped it."""
    prepared = batches.prepare(azpay.db, file, now=azpay.now())
    batch = batches.begin(azpay.db, prepared, now=azpay.now())
    how = Pace(azpay.now, at_once=at_once, pause=lambda _seconds: None, **pace)
    trouble = batches.run(azpay.db, azpay.gateway, batch, file.terms, pace=how, guards=azpay.guards)
    return list(batches.results(azpay.db, batch.id)), trouble


def statuses(results: Iterable[Result]) -> list[RowState]:
    return [result.status for result in results]
