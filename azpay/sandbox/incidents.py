"""What banks, customers and Stripe do to a merchant, on order: what no request of the merchant's could do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.bookkeeping import wake_refunds
from azpay.sandbox.dispute_kinds import KINDS, REASONS
from azpay.sandbox.errors import bad_request, no_such
from azpay.sandbox.resources import disputing, early_fraud_warnings, payouting, refunding, reviews

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azpay.sandbox.errors import StripeError
    from azpay.sandbox.policy import Policy
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World


def agree(world: World, policy: Policy) -> None:
    """From now on the account is treated so. Refunds that waited for money may have waited long enough."""
    rescheduled = policy.payouts != world.policy.payouts
    for currency in world.ledger.currencies:
        wake_refunds(world, currency)
    world.policy = policy
    if rescheduled:
        payouting.replan(world)


def charge_of(world: World, identifier: str) -> Json:
    """A charge that was paid, by its own id or that of its payment intent."""
    intent = world.payment_intents.find(identifier)
    charge = world.find((intent or {}).get("latest_charge") or identifier)
    if charge is None or charge["object"] != "charge":
        raise no_such("charge", identifier, param="charge")
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise bad_request(f"Charge {charge['id']} was not paid.")
    return charge


def dispute(world: World, charge: Json, kind: str, *, reason: str | None, amount: int | None) -> Json:
    if kind not in KINDS:
        raise _unknown(kind, KINDS)
    if reason is not None and reason not in REASONS:
        raise _unknown(reason, REASONS)
    left = disputing.disputable(world, charge)
    if not 1 <= (left if amount is None else amount) <= left:
        raise bad_request(f"Of charge {charge['id']}, {left} can be disputed.")
    return disputing.raise_dispute(world, charge, KINDS[kind], amount=amount or left, reason=reason)


def appeal(world: World, identifier: str) -> Json:
    lost = world.disputes.get(identifier)
    if lost["status"] != "won":
        raise bad_request(f"Banks appeal against disputes that were won; this one is {lost['status']}.")
    disputing.appeal(world, lost)
    return lost


def warn(world: World, charge: Json, fraud_type: str) -> Json:
    if fraud_type not in early_fraud_warnings.FRAUD_TYPES:
        raise _unknown(fraud_type, early_fraud_warnings.FRAUD_TYPES)
    return early_fraud_warnings.warn(world, charge, fraud_type)


def review(world: World, charge: Json) -> Json:
    return reviews.open_review(world, charge, "manual")


def fail_refund(world: World, identifier: str, reason: str) -> Json:
    refund = world.refunds.get(identifier)
    if reason not in refunding.FAILURES:
        raise _unknown(reason, refunding.FAILURES)
    if refund["status"] in ("failed", "canceled"):
        raise bad_request(f"Refund {identifier} cannot fail: there is nothing on its way.")
    refunding.fail(world, refund, reason)
    return refund


def answer_refund(world: World, identifier: str) -> Json:
    """The customer names the account that the refund is to go to."""
    refund = world.refunds.get(identifier)
    if refund["status"] != "requires_action":
        raise bad_request(f"Refund {identifier} asks the customer for nothing: it is {refund['status']}.")
    refunding.answered(world, refund)
    return refund


def fail_payout(world: World, identifier: str, code: str) -> Json:
    payout = world.payouts.get(identifier)
    if code not in payouting.FAILURES:
        raise _unknown(code, payouting.FAILURES)
    if payout["status"] in ("canceled", "failed"):
        raise bad_request(f"Payout {identifier} is {payout['status']} already.")
    payouting.fail(world, payout, code)
    return payout


def _unknown(word: str, known: Iterable[str]) -> StripeError:
    return bad_request(f"There is no {word[:60]!r} here. There are {', '.join(known)}.")
