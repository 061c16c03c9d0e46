"""Real money moves only for who names the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpay.access import LiveAccountMismatch, LiveRefused, require_account
from azpay.errors import Refused

if TYPE_CHECKING:
    from azpay.gateway.stripe import Gateway
    from azpay.sandbox import Sandbox


def test_the_account_of_the_key_may(gateway: Gateway, stripe: Sandbox) -> None:
    require_account(gateway, stripe.account_id)


def test_who_names_no_account_may_not(gateway: Gateway) -> None:
    with pytest.raises(LiveRefused) as refused:
        require_account(gateway, None)

    assert "--live ACCOUNT_ID" in str(refused.value.hint)


@pytest.mark.parametrize("named", ["acct_another", "", "ACCT_1SANDBOXAZPAY0001"])
def test_who_names_another_account_may_not(gateway: Gateway, stripe: Sandbox, named: str) -> None:
    with pytest.raises(LiveAccountMismatch, match="Nothing was moved") as refused:
        require_account(gateway, named)

    assert isinstance(refused.value, Refused)
    assert stripe.account_id in refused.value.message
