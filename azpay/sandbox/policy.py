"""What an account has agreed with Stripe, and how its banks behave where no test card says so.

A merchant cannot see most of it. It is set when a sandbox is made, or by `POST /_sandbox/policy`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json

Schedule: TypeAlias = Literal["manual", "daily", "weekly", "monthly"]
Amount: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Seconds: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=86_400)]
Funding: TypeAlias = Literal["anything", "available", "available_and_pending"]


class Policy(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Fees are in the smallest unit of a currency with two decimals: 1500 is 15.00 USD, and 1500 JPY."""

    payouts: Schedule = "manual"
    """When the available balance is paid out by itself."""
    refunds_draw_on: Funding = "anything"
    """A refund beyond this waits for money. `anything` lets the balance become negative."""
    refunds_by_instruction: bool = False
    """Whether customers are asked where to, as those who paid by bank transfer are."""
    dispute_fee: Amount = 1500
    """Taken when a dispute is received."""
    dispute_fee_returned: bool = False
    """Whether that fee comes back when the dispute is won."""
    counter_fee: Amount = 0
    """Taken when evidence is submitted; it comes back when the dispute is won."""
    disputes_prevented: bool = False
    """Whether the merchant takes part in the programs that settle some disputes before they are one."""
    search_lag: Seconds = 60
    """Seconds until search knows of an object, and of a change of its status."""

    def changed(self, patch: object) -> Policy:
        """Raises `msgspec.ValidationError` for what is not a policy."""
        given = msgspec.convert(patch, dict[str, object])
        return msgspec.convert({**self.as_json(), **given}, Policy)

    def as_json(self) -> Json:
        told: Json = msgspec.to_builtins(self)
        return told
