"""One module per kind of object: its parameters, its handlers, its routes, and what is due on it later.

A new resource is a new module here, and a line in the list below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import bookkeeping
from azpay.sandbox.resources import (
    account,
    balance,
    balance_settings,
    bank_destinations,
    captures,
    charges,
    customers,
    debits,
    disputes,
    early_fraud_warnings,
    event_destinations,
    events,
    files,
    mandates,
    payment_intents,
    payment_methods,
    payouts,
    refunds,
    reports,
    reviews,
    search,
    setup_intents,
    setups,
    stripecli,
    thin_events,
    webhook_endpoints,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.routing import Route, Work

_ROUTED = (
    account,
    balance,
    balance_settings,
    bank_destinations,
    captures,
    charges,
    customers,
    disputes,
    early_fraud_warnings,
    event_destinations,
    events,
    files,
    mandates,
    payment_intents,
    payment_methods,
    payouts,
    refunds,
    reports,
    search,
    setup_intents,
    setups,
    reviews,
    stripecli,
    thin_events,
    webhook_endpoints,
)

ROUTES: tuple[Route, ...] = tuple(route for module in _ROUTED for route in module.ROUTES)
WORK: Mapping[str, Work] = {
    **bookkeeping.WORK,
    **captures.WORK,
    **charges.WORK,
    **debits.WORK,
    **refunds.WORK,
    **reports.WORK,
    **setups.WORK,
    **disputes.WORK,
    **payouts.WORK,
    **refunds.WORK,
    **reports.WORK,
}
