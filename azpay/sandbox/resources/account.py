from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import wording
from azpay.sandbox.errors import StripeError
from azpay.sandbox.ledger import DAYS_PENDING
from azpay.sandbox.params import shape
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World


CREATED = 1_500_000_000
"""When the account was opened: a day in July 2017."""


def _own(world: World, call: Call) -> Json:  # noqa: ARG001 - every handler is called alike
    return account(world)


def _by_id(world: World, call: Call) -> Json:
    if call.ids["account"] != world.account.id:
        raise StripeError(403, wording.no_access(call.ids["account"]), code="account_invalid")
    return account(world)


def account(world: World) -> Json:
    own = world.account
    nothing_due: Json = {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": [],
        "disabled_reason": None,
        "errors": [],
        "eventually_due": [],
        "past_due": [],
        "pending_verification": [],
    }
    return {
        "id": own.id,
        "object": "account",
        "business_profile": {
            "annual_revenue": None,
            "estimated_worker_count": None,
            "mcc": "5734",
            "name": "Azpay Sandbox",
            "product_description": None,
            "support_address": None,
            "support_email": None,
            "support_phone": None,
            "support_url": None,
            "url": None,
        },
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": own.country,
        "created": CREATED,
        "default_currency": own.currency,
        "details_submitted": True,
        "email": "sandbox@example.com",
        "external_accounts": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/accounts/{own.id}/external_accounts",
        },
        "future_requirements": nothing_due,
        "metadata": {},
        "payouts_enabled": True,
        "requirements": nothing_due,
        "settings": {
            "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
            "card_payments": {
                "decline_on": {"avs_failure": False, "cvc_failure": False},
                "statement_descriptor_prefix": "AZPAY",
                "statement_descriptor_prefix_kana": None,
                "statement_descriptor_prefix_kanji": None,
            },
            "dashboard": {"display_name": "Azpay Sandbox", "timezone": "Etc/UTC"},
            "payments": {
                "statement_descriptor": "AZPAY SANDBOX",
                "statement_descriptor_kana": None,
                "statement_descriptor_kanji": None,
            },
            "payouts": {
                "debit_negative_balances": True,
                "schedule": _payout_schedule(world.policy.payouts),
                "statement_descriptor": None,
            },
        },
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": "standard",
    }


def _payout_schedule(interval: str) -> Json:
    schedule: Json = {"delay_days": DAYS_PENDING, "interval": interval}
    if interval == "weekly":
        schedule |= {"weekly_anchor": "monday", "weekly_payout_days": ["monday"]}
    if interval == "monthly":
        schedule |= {"monthly_anchor": 1, "monthly_payout_days": [1]}
    return schedule


ROUTES = (
    Route("GET", "/v1/account", shape(), _own),
    Route("GET", "/v1/accounts/{account}", shape(), _by_id),
)
