"""One row, asked for under its key: the request it stands for, with its payer fixed once and for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpay.payments import customers
from azpay.payments.batches.asking import Terms, charge_of, refund_of
from azpay.payments.batches.models import BatchKind, BatchRow
from azpay.payments.charges import charge
from azpay.payments.refunds import refund
from azpay.payments.requests import ChargeRequest, RequestInvalid

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from azpay.access import Guards
    from azpay.db import Database
    from azpay.gateway.stripe import Gateway
    from azpay.payments.models import Payment, Refund


@dataclass(frozen=True, slots=True)
class Sender:
    """Asks for rows of one batch, on its terms."""

    db: Database
    gateway: Gateway
    kind: BatchKind
    terms: Terms
    guards: Guards

    def send(self, row: BatchRow, *, now: datetime) -> Payment | Refund:
        """Charge or refund. Raises what `charge` and `refund` do."""
        if self.kind is BatchKind.REFUND:
            fixed = {"payment": row.payment_id, "amount": row.amount, "idempotency_key": row.idempotency_key}
            return refund(
                self.db, self.gateway, refund_of(row.cells, self.terms, **fixed), now=now, guards=self.guards
            )
        row = self._with_payer(row, now)
        request = charge_of(row.cells, self.terms, idempotency_key=row.idempotency_key, **_payer(row))
        return charge(self.db, self.gateway, request, now=now, guards=self.guards)

    def _with_payer(self, row: BatchRow, now: datetime) -> BatchRow:
        """Whoever an e-mail or a default method stood for at first stays the payer: a key is for one."""
        request = charge_of(row.cells, self.terms)
        if row.payment_method is not None or _is_fixed(request):
            return row
        customer, method = self._looked_up(request, now)
        return self.db.write(lambda session: _fix(session, row.id, customer, method))

    def _looked_up(self, request: ChargeRequest, now: datetime) -> tuple[str | None, str]:
        who = str(request.customer)
        if request.payment_method is not None:
            return customers.identify(self.db, self.gateway, who, now=now), request.payment_method
        customer = customers.lookup(self.db, self.gateway, who, now=now)
        method = customer and customers.default_method(self.db, self.gateway, customer, now=now)
        if not method:
            raise RequestInvalid(
                f"{who} has no default payment method.", hint="Name one in the column method."
            )
        return customer, method


def _is_fixed(request: ChargeRequest) -> bool:
    return request.customer is None or (request.payment_method is not None and "@" not in request.customer)


def _fix(session: Session, identity: str, customer: str | None, method: str) -> BatchRow:
    row = session.get_one(BatchRow, identity, with_for_update=True)
    if row.payment_method is None:
        row.customer, row.payment_method = customer, method
    return row


def _payer(row: BatchRow) -> dict[str, str | None]:
    if row.payment_method is None:
        return {}
    return {"customer": row.customer, "payment_method": row.payment_method}
