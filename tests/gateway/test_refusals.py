"""What Stripe's error codes mean, each with a next step where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpay.gateway import CardDeclined, KeyRefused, NoSuchObject, StripeRefused, WrongState
from azpay.gateway.failures import judge
from azpay.gateway.objects import StripeError
from azpay.gateway.refusals import REFUSALS, Means

if TYPE_CHECKING:
    from azpay.errors import AzpayError

KINDS: dict[Means, type[AzpayError]] = {
    Means.REFUSED: StripeRefused,
    Means.WRONG_STATE: WrongState,
    Means.NO_SUCH: NoSuchObject,
    Means.NOT_ALLOWED: KeyRefused,
    Means.DECLINED: CardDeclined,
}


@pytest.mark.parametrize("code", REFUSALS)
def test_a_code_comes_out_as_its_kind_of_error(code: str) -> None:
    verdict = judge(400, StripeError(type="invalid_request_error", code=code, message="Stripe's words."))

    assert isinstance(verdict.error, KINDS[REFUSALS[code].means])
    assert "Stripe's words." in verdict.error.message
    assert verdict.error.hint
    assert verdict.definite
    assert not verdict.again


def test_a_code_that_nobody_knows_means_what_its_status_means() -> None:
    said = StripeError(code="brand_new", message="Stripe's words.")

    assert type(judge(400, said).error) is StripeRefused
    assert type(judge(404, said).error) is NoSuchObject
