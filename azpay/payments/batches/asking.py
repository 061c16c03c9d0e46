"""From a row's cells to the request it stands for; where it stands for none, what is wrong with each cell."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from azpay.errors import AzpayError, Usage
from azpay.money import Money, UnknownCurrency
from azpay.payments.batches.mistakes import Mistake, mistake
from azpay.payments.batches.models import BatchKind
from azpay.payments.batches.reading import Columns
from azpay.payments.requests import ChargeRequest, RefundRequest, check_customer, check_method, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpay.payments.batches.reading import Line

METADATA = "metadata."
COLUMNS = {
    BatchKind.CHARGE: Columns(
        ("amount", "currency", "customer", "method", "reference", "description", "receipt_email"),
        ("amount", "currency"),
        METADATA,
    ),
    BatchKind.REFUND: Columns(("payment", "amount", "reason", "note"), ("payment",)),
}
Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every row of a file."""

    authorize_only: bool = False
    off_session: bool = False
    amount_minor: bool = False
    allow_duplicate: bool = False

    @property
    def of_rows(self) -> dict[str, bool]:
        """Those that make a row another request."""
        return {name: set_ for name, set_ in asdict(self).items() if set_ and name != "allow_duplicate"}


def money(amount: str, currency: str, terms: Terms) -> Money:
    """What a cell says, as money. Never rounds. Raises InvalidAmount, UnknownCurrency."""
    return Money.parse_minor(amount, currency) if terms.amount_minor else Money.parse(amount, currency)


def charge_of(cells: Cells, terms: Terms, **more: Any) -> ChargeRequest:
    """The charge that a row asks for. Raises what ChargeRequest and Money do."""
    metadata = {key.removeprefix(METADATA): cell for key, cell in cells.items() if key.startswith(METADATA)}
    fixed = {"customer": cells.get("customer"), "payment_method": cells.get("method")} | more
    return ChargeRequest(
        money=money(cells["amount"], cells["currency"], terms),
        reference=cells.get("reference"),
        description=cells.get("description"),
        receipt_email=cells.get("receipt_email"),
        metadata=metadata,
        authorize_only=terms.authorize_only,
        off_session=terms.off_session,
        allow_duplicate=terms.allow_duplicate,
        **fixed,
    )


def refund_of(cells: Cells, terms: Terms, **more: Any) -> RefundRequest:
    """The refund that a row asks for, but for the amount, which is in the payment's currency."""
    fixed: dict[str, Any] = {"payment": cells["payment"]} | more
    return RefundRequest(
        reason=cells.get("reason"),
        note=cells.get("note"),
        allow_duplicate=terms.allow_duplicate,
        **fixed,
    )


REQUESTS: Mapping[BatchKind, Callable[[Cells, Terms], ChargeRequest | RefundRequest]] = {
    BatchKind.CHARGE: charge_of,
    BatchKind.REFUND: refund_of,
}


def request_of(kind: BatchKind, line: Line, terms: Terms) -> ChargeRequest | RefundRequest | None:
    """The row's request; None when it stands for none, and `mistakes_in` says why."""
    if line.mistakes or not set(COLUMNS[kind].needed) <= set(line.cells):
        return None
    try:
        return REQUESTS[kind](line.cells, terms)
    except Usage:
        return None


def mistakes_in(kind: BatchKind, line: Line, terms: Terms) -> tuple[Mistake, ...]:
    """Everything that is wrong with a row: each cell is tried by itself."""
    found = [*line.mistakes, *_in_cells(line, terms)]
    named = {each.column for each in found}
    needed = COLUMNS[kind].needed if line.cells else ()
    found += [Mistake(line.row, "is empty.", name) for name in needed if name not in {*line.cells, *named}]
    return tuple(found or _in_the_whole(kind, line, terms))


def _in_cells(line: Line, terms: Terms) -> Iterator[Mistake]:
    for name, cell in line.cells.items():
        try:
            _try(name, cell)
        except AzpayError as error:
            yield mistake(line.row, name, error)
    if {"amount", "currency"} <= set(line.cells):
        try:
            money(line.cells["amount"], line.cells["currency"], terms).chargeable()
        except AzpayError as error:
            yield mistake(line.row, "currency" if isinstance(error, UnknownCurrency) else "amount", error)


def _in_the_whole(kind: BatchKind, line: Line, terms: Terms) -> Iterator[Mistake]:
    try:
        if line.cells:
            REQUESTS[kind](line.cells, terms)
    except AzpayError as error:
        yield mistake(line.row, None, error)


def _try(name: str, cell: str) -> None:
    if name.startswith(METADATA):
        _probe(metadata={name.removeprefix(METADATA): cell})
    elif name in _TRIALS:
        _TRIALS[name](cell)


def _probe(**given: Any) -> None:
    """By the rules of a charge, with everything else as it should be."""
    ChargeRequest(money=Money(500, "usd"), payment_method="pm_probe", **given)


_TRIALS: Mapping[str, Callable[[str], object]] = {
    "customer": check_customer,
    "method": check_method,
    "reference": partial(text, "reference"),
    "description": partial(text, "description"),
    "receipt_email": lambda cell: _probe(receipt_email=cell),
    "reason": lambda cell: RefundRequest(payment="pay_probe", reason=cell),
    "note": partial(text, "note"),
}


def fingerprint(kind: BatchKind, cells: Cells, terms: Terms) -> str:
    """A digest of what a row asks for, whatever the form of the file and the order of its columns."""
    told = {**cells, "currency": cells["currency"].lower()} if "currency" in cells else dict(cells)
    plain = json.dumps([kind, told, terms.of_rows], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()
