"""What can become of a payment, played once for each kind of card, by Stripe's own rules.

Every scene begins at `BEGINS` with figures and words that occur nowhere else: `moulds` finds them again in
what the scene has left behind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from azpay.sandbox import external_accounts, incidents
from azpay.sandbox.ledger import DAY
from azpay.sandbox.past.stage import Stage
from azpay.sandbox.resources.authentication import awaiting, decide
from azpay.sandbox.resources.payouting import HOUR, RECONCILED_AFTER, SENT_AFTER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import Account

AMOUNT, PART = 7_654_321, 1_234_567
NUMBER, NAME, EMAIL = "80818283", "Quentin Quixote", "quentin.quixote@example.com"
LATER = 5 * DAY
"""From one act of a scene to the next."""
VERDICT_AFTER = 5
FAILS_AFTER = 5

_USUAL_CARD = "pm_card_visa"
_CARDS_THAT_ASK = "pm_card_authenticationRequired"
_CARD_WHOSE_REFUNDS_FAIL = "pm_card_refundFail"


class Ending(StrEnum):
    PAID = "paid"
    DECLINED = "declined"
    AUTHENTICATED = "authenticated"
    NOT_AUTHENTICATED = "not_authenticated"
    REFUNDED = "refunded"
    REFUNDED_IN_PART = "refunded_in_part"
    REFUND_FAILED = "refund_failed"
    DISPUTED = "disputed"
    DISPUTE_LOST = "dispute_lost"
    DISPUTE_WON = "dispute_won"


@dataclass(frozen=True, slots=True)
class Cast:
    """Who pays: with a saved card, as a known customer with a new one, or as a guest."""

    card: str
    currency: str
    customer: bool
    saved: bool


@dataclass(slots=True)
class Played:
    """What a scene has left behind. `acts` are the times at which something was begun."""

    stage: Stage
    acts: list[int]
    names: dict[str, str] = field(default_factory=dict)
    """Ids of what was there before, and what they are to be called."""


def play(account: Account, cast: Cast, ending: Ending, begins: int, *, settled: bool) -> Played:
    """`begins` is a noon. `settled`: the curtain falls when the money can be paid out."""
    played = _enter(account, cast, begins)
    intent = _pay(played, cast, ending)
    if ending in _ENDINGS:
        _ENDINGS[ending](played, intent)
    elif settled:
        played.stage.pass_time(begins + LATER)
    return played


def play_arrival(account: Account, card: str, begins: int) -> Played:
    """A customer leaves an address, and a card to be charged again."""
    played = Played(Stage(account, begins), [begins])
    _customer(played, card)
    return played


def play_payout(account: Account, currency: str, begins: int, *, arrived: bool) -> Played:
    """The acts are the payout and its arrival. `begins` is when payouts run."""
    stage = Stage(account, begins - HOUR)
    bank = external_accounts.default_for(stage.world, currency)
    stage.world.ledger.available[currency] = AMOUNT
    incidents.agree(stage.world, stage.world.policy.changed({"payouts": "daily"}))
    stage.pass_time(begins + SENT_AFTER)
    arrival: int = next(iter(stage.world.payouts))["arrival_date"]
    if arrived:
        stage.pass_time(arrival + RECONCILED_AFTER)
    return Played(stage, [begins, arrival], {bank["id"]: "bank"})


def _enter(account: Account, cast: Cast, begins: int) -> Played:
    played = Played(Stage(account, begins - DAY), [begins])
    if cast.customer:
        _customer(played, cast.card if cast.saved else _USUAL_CARD)
    played.stage.pass_time(begins)
    return played


def _customer(played: Played, card: str) -> None:
    customer = played.stage.post("/v1/customers", name=NAME, email=EMAIL, payment_method=card)
    method = played.stage.world.payment_methods.where("customer", customer["id"])[0]
    played.names |= {customer["id"]: "customer", method["id"]: "method"}


def _pay(played: Played, cast: Cast, ending: Ending) -> Json:
    called = {name: identifier for identifier, name in played.names.items()}
    known = {"customer": called["customer"]} if cast.customer else {}
    card = called["method"] if cast.saved else _card(cast, ending)
    answer = played.stage.post(
        "/v1/payment_intents",
        amount=AMOUNT,
        currency=cast.currency,
        payment_method=card,
        capture_method="automatic",
        confirm=True,
        automatic_payment_methods={"enabled": True, "allow_redirects": "never"},
        description=f"Order {NUMBER}",
        metadata={"order": NUMBER},
        receipt_email=EMAIL,
        **known,
    )
    intent: Json = answer["error"]["payment_intent"] if "error" in answer else answer
    if ending in (Ending.AUTHENTICATED, Ending.NOT_AUTHENTICATED):
        world = played.stage.world
        decide(world, awaiting(world, intent["id"]), approve=ending is Ending.AUTHENTICATED)
    return intent


def _card(cast: Cast, ending: Ending) -> str:
    if ending is Ending.REFUND_FAILED:
        return _CARD_WHOSE_REFUNDS_FAIL
    if ending in (Ending.AUTHENTICATED, Ending.NOT_AUTHENTICATED):
        return _CARDS_THAT_ASK
    return cast.card


def _next_act(played: Played, after: int = LATER) -> None:
    played.acts.append(played.acts[-1] + after)
    played.stage.pass_time(played.acts[-1])


def _refund(played: Played, intent: Json, amount: int) -> None:
    _next_act(played)
    played.stage.post("/v1/refunds", payment_intent=intent["id"], amount=amount)
    played.stage.pass_time(played.acts[-1] + FAILS_AFTER)


def _dispute(played: Played, intent: Json) -> Json:
    _next_act(played)
    world = played.stage.world
    charge = incidents.charge_of(world, intent["id"])
    return incidents.dispute(world, charge, "fraudulent", reason=None, amount=None)


def _lose(played: Played, intent: Json) -> None:
    """Nobody answers the bank in time."""
    due: int = _dispute(played, intent)["evidence_details"]["due_by"]
    played.stage.pass_time(due + 1)


def _win(played: Played, intent: Json) -> None:
    dispute = _dispute(played, intent)
    _next_act(played)
    evidence = {"uncategorized_text": "winning_evidence"}
    played.stage.post(f"/v1/disputes/{dispute['id']}", evidence=evidence, submit=True)
    played.stage.pass_time(played.acts[-1] + VERDICT_AFTER)


_ENDINGS = {
    Ending.REFUNDED: lambda played, intent: _refund(played, intent, AMOUNT),
    Ending.REFUND_FAILED: lambda played, intent: _refund(played, intent, AMOUNT),
    Ending.REFUNDED_IN_PART: lambda played, intent: _refund(played, intent, PART),
    Ending.DISPUTED: lambda played, intent: _dispute(played, intent),
    Ending.DISPUTE_LOST: _lose,
    Ending.DISPUTE_WON: _win,
}
ACTS: Mapping[Ending, int] = {
    ending: {Ending.DISPUTE_WON: 3}.get(ending, 2 if ending in _ENDINGS else 1) for ending in Ending
}
"""How many times have to be chosen for each ending."""
