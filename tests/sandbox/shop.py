"""A shop with one of everything: whatever an endpoint needs to answer with success."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from azpay.sandbox import DEFAULT_ACCOUNT, DEFAULT_KEY, Request, Sandbox
from azpay.sandbox.forms import decode
from azpay.sandbox.policy import Policy
from tests.sandbox.conftest import NOON
from tests.support.multipart import CONTENT_TYPE, multipart
from tests.support.openapi import DAHLIA

if TYPE_CHECKING:
    from azpay.sandbox import Response

DAY = 24 * 60 * 60
CARD = "pm_card_visa"
ACCEPTED = {"mandate_data[customer_acceptance][type]": "offline"}
NO_REDIRECTS = {
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
}
DESTINATION = {
    "name": "Payments",
    "type": "webhook_endpoint",
    "event_payload": "thin",
    "enabled_events[]": "v1.charge.succeeded",
    "webhook_endpoint[url]": "https://shop.example/thin",
    "include[]": "webhook_endpoint.signing_secret",
}
BANK_ACCOUNT = {
    "type": "us_bank_account",
    "us_bank_account[account_holder_type]": "company",
    "us_bank_account[account_number]": "000123456789",
    "us_bank_account[routing_number]": "110000000",
    "billing_details[name]": "Ada",
}


class Shop:
    """Speaks one version of the API. What it makes, it makes anew each time."""

    def __init__(self, version: str = DAHLIA) -> None:
        self.sandbox = Sandbox(now=lambda: NOON)
        self.version = version

    def ask(self, method: str, path: str, params: dict[str, str] | None = None, **headers: str) -> Response:
        said = {"authorization": f"Bearer {DEFAULT_KEY}", "stripe-version": self.version, **headers}
        if (method, path) == ("POST", "/v1/files"):
            said["content-type"] = CONTENT_TYPE
            return self.sandbox.handle(Request(method, path, "", said, multipart(params or {}, b"{}")))
        encoded = urlencode(params or {})
        query, body = (encoded, b"") if method != "POST" else ("", encoded.encode())
        if path.startswith("/v2/") and body:
            body = json.dumps(decode(body)).encode()
        return self.sandbox.handle(Request(method, path, query, said, body))

    def made(self, path: str, params: dict[str, str] | None = None, method: str = "POST") -> dict[str, Any]:
        """An object that is sure to be made."""
        answer = self.ask(method, path, params)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)  # type: ignore[no-any-return]

    def first(self, path: str, params: dict[str, str] | None = None) -> str:
        """The id of the newest object of a list."""
        return str(self.made(path, params, "GET")["data"][0]["id"])

    def customer(self) -> str:
        return str(self.made("/v1/customers", {"email": "ada@example.com", "name": "Ada"})["id"])

    def saved(self) -> tuple[str, str]:
        """A customer, and a method that is saved for them."""
        customer = self.customer()
        return customer, str(self.made(f"/v1/payment_methods/{CARD}/attach", {"customer": customer})["id"])

    def intent(self, **params: str) -> str:
        return str(self.made("/v1/payment_intents", {"amount": "2000", "currency": "usd", **params})["id"])

    def paid(self, card: str = CARD, **params: str) -> str:
        said = {"payment_method": card, "confirm": "true", **NO_REDIRECTS, **params}
        intent = self.intent(**said)
        self.sandbox.advance(10)
        return intent

    def held(self) -> str:
        return self.paid(capture_method="manual")

    def charge(self, card: str = CARD, **params: str) -> str:
        return str(
            self.made(f"/v1/payment_intents/{self.paid(card, **params)}", method="GET")["latest_charge"]
        )

    def refund(self, card: str = CARD, **params: str) -> str:
        """A refund in part, so that the charge remains open for more."""
        return str(self.made("/v1/refunds", {"charge": self.charge(card), "amount": "500", **params})["id"])

    def asked_for_details(self) -> str:
        """A refund that waits for the customer to say where it is to go."""
        self.sandbox = Sandbox(now=lambda: NOON, policy=Policy(refunds_by_instruction=True))
        return self.refund(instructions_email="ada@example.com")

    def transaction(self) -> str:
        self.paid()
        return self.first("/v1/balance_transactions")

    def dispute(self) -> str:
        self.paid("pm_card_createDispute")
        return self.first("/v1/disputes")

    def destination(self) -> str:
        return str(self.made("/v2/core/event_destinations", DESTINATION)["id"])

    def warning(self) -> str:
        self.paid("pm_card_createIssuerFraudRecord")
        return self.first("/v1/radar/early_fraud_warnings")

    def review(self) -> str:
        self.paid("pm_card_riskLevelElevated")
        return self.first("/v1/reviews")

    def file(self) -> str:
        """What it holds is JSON, so that its contents read like any answer."""
        return str(self.made("/v1/files", {"purpose": "dispute_evidence"})["id"])

    def bank(self) -> str:
        """A second one, which can be removed."""
        self.payout()
        path = f"/v1/accounts/{DEFAULT_ACCOUNT}/external_accounts"
        return str(self.made(path, {"external_account": "btok_us_verified"})["id"])

    def funded(self) -> str:
        return self.paid("pm_card_bypassPending", amount="500000")

    def payout(self, amount: str = "100000") -> str:
        self.funded()
        return str(self.made("/v1/payouts", {"amount": amount, "currency": "usd"})["id"])

    def paid_out(self) -> str:
        payout = self.payout()
        self.sandbox.advance(5 * DAY)
        return payout

    def report(self) -> str:
        end = self.made("/v1/reporting/report_types/balance.summary.1", method="GET")["data_available_end"]
        interval = {
            "parameters[interval_start]": str(end - DAY),
            "parameters[interval_end]": str(end),
        }
        run = self.made("/v1/reporting/report_runs", {"report_type": "balance.summary.1", **interval})
        self.sandbox.advance(5)
        return str(run["id"])

    def event(self) -> str:
        self.customer()
        return self.first("/v1/events")

    def thin_event(self) -> str:
        self.customer()
        return self.first("/v2/core/events")

    def endpoint(self, **params: str) -> str:
        said = {"url": "https://shop.example/hook", "enabled_events[]": "*", **params}
        return str(self.made("/v1/webhook_endpoints", said)["id"])

    def mandate(self) -> str:
        self.paid("pm_usBankAccount_success", **ACCEPTED)
        return str(self.sandbox.mandates[0]["id"])

    def setup(self, **params: str) -> str:
        return str(self.made("/v1/setup_intents", {**NO_REDIRECTS, **params})["id"])

    def set_up(self) -> str:
        return self.setup(payment_method=CARD, confirm="true", customer=self.customer())

    def unverified(self, path: str, **params: str) -> str:
        """An intent that waits for two small deposits to be read off a statement."""
        method = str(self.made("/v1/payment_methods", BANK_ACCOUNT)["id"])
        said = {"payment_method": method, "confirm": "true", **NO_REDIRECTS, **ACCEPTED, **params}
        return str(self.made(path, said)["id"])
