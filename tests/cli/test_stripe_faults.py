"""Stripe's faults as whoever types a command sees them: status, words, what is on record, and how it ends.

The one place to read it all: each table is what `docs/runbooks/stripe-trouble.md` says in words. After each
fault the same command is typed again, and has moved the money once.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from azpay.gateway.line import TRIES

from .moves import (
    CANCEL,
    CAPTURE,
    CHARGE,
    DONE,
    MOVED,
    NOT_DONE,
    OPEN,
    REFUND,
    VERBS,
    Saying,
    a_till,
    gateway_over,
    told,
)
from .running import run

if TYPE_CHECKING:
    from pathlib import Path

    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.stripe_transport import Answer

LIMITED = "Stripe is limiting us: Request rate limit exceeded. Learn more about rate limits here \
https://stripe.com/docs/rate-limits."
LOCKED = "Stripe is busy with this very object: This object cannot be accessed right now because another API \
request or Stripe process is currently accessing it. If you see this error intermittently, retry the request."
IN_FLIGHT = "Stripe answered 409: There is currently another in-progress request using this Idempotent Key \
(that probably means you submitted twice, and the other request is still going through). Please try again \
later."
CONFLICT = "Stripe answered 409: This request conflicts with another request that is being processed. Please \
try again."
BROKEN = "Stripe answered {}: An unknown error occurred."
CLOSED = "Stripe answered 503: Stripe is temporarily unavailable. Please try again."
NO_ANSWER = "Stripe's answer did not come back ({})."
UNREADABLE = "Stripe answered {} with something we cannot read."
NO_OBJECT = "Stripe answered with something we cannot read (Object missing required field `id`)."

NOT_TAKEN = {
    "429": LIMITED,
    "endpoint-rate": LIMITED,
    "global-concurrency": LIMITED,
    "endpoint-concurrency": LIMITED,
    "resource-specific": LIMITED,
    "lock_timeout": LOCKED,
}
"""Stripe has not begun. Status 5."""

PERHAPS_DONE = {
    "409": IN_FLIGHT,
    "conflict": CONFLICT,
    "500": BROKEN.format(500),
    "502": BROKEN.format(502),
    "503": CLOSED,
    "504": BROKEN.format(504),
    "drop-request": NO_ANSWER.format("ReadError"),
    "drop-answer": NO_ANSWER.format("ReadError"),
    "timeout-request": NO_ANSWER.format("ReadTimeout"),
    "timeout-answer": NO_ANSWER.format("ReadTimeout"),
    "half-answer": NO_ANSWER.format("RemoteProtocolError"),
    "garbage": UNREADABLE.format(200),
}
"""Stripe may have done it or not. Status 8."""

A_PAGE = "<html><body>Sign in to the hotel's network</body></html>"
PAGES: dict[str, tuple[Answer, str]] = {
    "a proxy's error": ((A_PAGE, 502, {}), UNREADABLE.format(502)),
    "a wrong address": ((A_PAGE, 404, {}), UNREADABLE.format(404)),
    "a redirection": ((A_PAGE, 302, {"location": "https://example.com"}), UNREADABLE.format(302)),
    "a page that says 200": ((A_PAGE, 200, {}), UNREADABLE.format(200)),
    "another service's JSON": ((json.dumps({"status": "ok"}), 200, {}), NO_OBJECT),
}
"""Somebody else answered in Stripe's place. Status 8 as well: Stripe may stand behind them."""

DIFFERENT = ("429", "500", "drop-request", "drop-answer")
"""Tried with every command; the rest with a charge."""


def with_verbs(faults: dict[str, str]) -> list[tuple[str, str]]:
    return [(fault, verb) for fault in faults for verb in (VERBS if fault in DIFFERENT else (CHARGE,))]


@pytest.mark.parametrize(("fault", "verb"), [(fault, CHARGE) for fault in NOT_TAKEN | PERHAPS_DONE])
def test_a_fault_that_passes_is_not_noticed(
    azpay: Azpay, stripe: Sandbox, clock: Clock, fault: str, verb: str
) -> None:
    till = a_till(azpay, stripe, clock, verb)
    stripe.spoil_next(fault, method="POST")

    result = till.type()

    assert result.exit_code == 0
    assert "Error" not in result.stderr
    assert (till.standing, till.moved) == (DONE[verb], MOVED[verb])


@pytest.mark.parametrize(("fault", "verb"), with_verbs(NOT_TAKEN))
def test_what_stripe_does_not_take_is_unavailable_and_moves_nothing(
    azpay: Azpay, stripe: Sandbox, clock: Clock, fault: str, verb: str
) -> None:
    till = a_till(azpay, stripe, clock, verb)
    before = till.moved
    stripe.spoil_next(fault, method="POST", times=TRIES)

    result = till.type()

    assert result.exit_code == 5
    assert told(result) == (f"{NOT_TAKEN[fault]} Nothing was moved.", "Try again in a minute.")
    assert (till.standing, till.moved) == (NOT_DONE[verb], before)
    assert till.type().exit_code == 0
    assert (till.standing, till.moved) == (DONE[verb], MOVED[verb])


@pytest.mark.parametrize(("fault", "verb"), with_verbs(PERHAPS_DONE))
def test_what_may_have_taken_effect_is_unknown_and_the_same_command_goes_on(
    azpay: Azpay, stripe: Sandbox, clock: Clock, fault: str, verb: str
) -> None:
    till = a_till(azpay, stripe, clock, verb)
    stripe.spoil_next(fault, method="POST", times=TRIES)

    result = till.type()

    message, following = told(result)
    assert result.exit_code == 8
    assert message == f"{PERHAPS_DONE[fault]} Whether it took effect is not known."
    assert following.startswith("`azpay ops resolve op_")
    assert "Do not start over: the same command again asks Stripe under the same key." in following
    assert till.standing == OPEN[verb]
    assert till.type().exit_code == 0
    assert (till.standing, till.moved) == (DONE[verb], MOVED[verb])


@pytest.mark.parametrize("page", PAGES)
def test_somebody_elses_answer_is_unknown_and_says_where_to_look(
    azpay: Azpay, stripe: Sandbox, clock: Clock, page: str
) -> None:
    transport = Saying(stripe)
    transport.answer, said = PAGES[page]
    till = a_till(azpay, stripe, clock, CHARGE).over(gateway_over(transport))

    result = till.type()

    message, following = told(result)
    assert result.exit_code == 8
    assert message == f"{said} Whether it took effect is not known."
    assert "Do not start over" in following
    assert "AZPAY_STRIPE_API_BASE" in following
    assert "hotel" not in result.output
    transport.answer = None
    assert till.type().exit_code == 0
    assert (till.standing, till.moved) == (DONE[CHARGE], MOVED[CHARGE])


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("fault", ["500-stored", "500-effect"])
def test_a_failure_that_stripe_repeats_under_the_key_is_settled_by_a_look_next_day(
    azpay: Azpay, stripe: Sandbox, clock: Clock, fault: str, verb: str
) -> None:
    till = a_till(azpay, stripe, clock, verb)
    stripe.spoil_next(fault, method="POST")

    first, second = till.type(), till.type()

    assert (first.exit_code, second.exit_code) == (8, 8)
    assert told(second)[0] == f"{BROKEN.format(500)} Whether it took effect is not known."
    assert till.standing == OPEN[verb]
    clock.advance(hours=24)
    if fault == "500-stored":
        never = till.type()
        assert never.exit_code == 1
        assert told(never)[0] == "An earlier attempt at this never reached Stripe; nothing was moved."
    assert till.type().exit_code == 0
    assert (till.standing, till.moved) == (DONE[verb], MOVED[verb])


@pytest.mark.parametrize("verb", VERBS)
def test_a_failure_that_stripe_repeats_is_settled_at_once_by_reconcile(
    azpay: Azpay, stripe: Sandbox, clock: Clock, verb: str, tmp_path: Path
) -> None:
    plan = str(tmp_path / "repairs.json")
    till = a_till(azpay, stripe, clock, verb)
    stripe.spoil_next("500-effect", method="POST")
    assert till.type().exit_code == 8
    clock.advance(minutes=20)

    run(azpay, "reconcile", "--since", "2d", "--plan", plan)
    applied = run(azpay, "reconcile", "apply", plan)

    assert applied.exit_code == 0, applied.output
    assert (till.standing.payment, till.moved) == (DONE[verb].payment, MOVED[verb])


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(("fault", "status"), [("drop-answer", 0), ("drop-request", 1)])
def test_a_key_of_yesterday_is_not_sent_but_looked_up(
    azpay: Azpay, stripe: Sandbox, clock: Clock, verb: str, fault: str, status: int
) -> None:
    till = a_till(azpay, stripe, clock, verb)
    stripe.spoil_next(fault, method="POST", times=TRIES)
    till.type()
    clock.advance(hours=24)
    stripe.spoil_next("500", method="POST")

    result = till.type()

    assert result.exit_code == status
    assert till.standing == (DONE if status == 0 else NOT_DONE)[verb]
    if status:
        assert told(result) == (
            "An earlier attempt at this never reached Stripe; nothing was moved.",
            "Run the command again to make a new attempt.",
        )
        assert till.type().exit_code == 0
    assert till.moved == MOVED[verb]


def test_a_key_of_yesterday_waits_while_stripe_cannot_be_asked(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    till = a_till(azpay, stripe, clock, REFUND)
    stripe.drop_next_answer(path="/v1/refunds", times=TRIES)
    till.type()
    clock.advance(hours=24)
    stripe.fail_next(503, times=TRIES)

    result = till.type()

    assert result.exit_code == 8
    assert told(result)[0] == (
        "An earlier attempt at this is more than 23 hours old and its outcome is not known."
    )
    assert till.type().exit_code == 0
    assert till.moved == MOVED[REFUND]


@pytest.mark.parametrize("verb", [CAPTURE, CANCEL])
def test_nothing_is_told_twice_when_it_was_done_all_along(
    azpay: Azpay, stripe: Sandbox, clock: Clock, verb: str
) -> None:
    till = a_till(azpay, stripe, clock, verb)
    till.type()

    again = till.type()

    assert again.exit_code == 0
    assert till.moved == MOVED[verb]
