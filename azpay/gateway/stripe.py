"""The one door to Stripe. Nothing else imports its SDK.

Each call is tried a few times under the idempotency key it was given, and ends in one of three ways: an
answer, an error that says nothing was moved, or `AnswerLost`. The SDK's own retries are off, because it
forgets between two tries whether the first may have taken effect, and that is what decides between the last
two.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import httpx
import msgspec
import stripe
from stripe import _util

from azpay.gateway.failures import (
    AnswerLost,
    CardDeclined,
    Overslept,
    StripeUnavailable,
    Verdict,
    judge,
    unreachable,
    unreadable,
)
from azpay.gateway.freshness import is_too_late
from azpay.gateway.objects import (
    Account,
    Balance,
    BalanceTransaction,
    Customer,
    Dispute,
    EarlyFraudWarning,
    Itemized,
    PaymentIntent,
    PaymentMethod,
    Payout,
    Refund,
    Review,
    SetupIntent,
    StripeError,
    WebhookEndpoint,
    learn,
)
from azpay.gateway.patience import Patience
from azpay.gateway.traces import asking, note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

T = TypeVar("T")
Params = dict[str, Any]

TRIES = 4
PAGE = 100
ANSWER_SECONDS, CONNECT_SECONDS = 30.0, 5.0
TIMEOUT = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

ABOUT_TO_SEND = "http11.send_request_headers.started"

STUMBLES = (AttributeError, TypeError, KeyError, ValueError)
"""What the SDK raises over bytes that are no text, and over JSON such as `{"error": "no"}`."""
stripe.enable_telemetry = False
_util.STRIPE_LOG = None  # the SDK would print bodies to stderr when the environment says STRIPE_LOG=debug
logging.getLogger("stripe").setLevel(
    logging.WARNING
)  # below that, it logs addresses with e-mails, and bodies


class ErrorBody(msgspec.Struct, frozen=True):
    error: StripeError


class Page(msgspec.Struct, frozen=True):
    data: list[msgspec.Raw]
    has_more: bool = False


class Wire(stripe.HTTPXClient):
    """The SDK's own, except that it hands a form over as httpx wants it: the old way warns, or fails.

    A key that grew too old while the connection was made does not leave us on it.
    """

    def __init__(self, patience: Patience, clock: Callable[[], datetime] | None = None) -> None:
        super().__init__(timeout=TIMEOUT, allow_sync_methods=True)
        self._patience = patience
        self._clock = clock

    def _get_request_args_kwargs(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any
    ) -> Any:
        args, options = super()._get_request_args_kwargs(method, url, headers, post_data)
        timeout = httpx.Timeout(self._patience.at_most(ANSWER_SECONDS), connect=CONNECT_SECONDS)
        guard = {"trace": self._guard} if "Idempotency-Key" in headers else {}
        sent = {"data": None, "content": post_data or None, "timeout": timeout, "extensions": guard}
        return args, {**options, **sent}

    def _guard(self, step: str, _about: object) -> None:
        if step == ABOUT_TO_SEND and is_too_late(self._clock):
            raise httpx.ConnectError("The key grew too old meanwhile.")


def connect(
    api_key: str,
    api_base: str,
    *,
    within: float | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Gateway:
    """A gateway over HTTPS, or over plain HTTP to a sandbox on this machine.

    `within` is the seconds that all of its calls together may take; a daemon names none. By `clock`, too, no
    key is sent that has become too old.
    """
    patience = Patience(within)
    client = stripe.StripeClient(
        api_key,
        base_addresses={"api": api_base},
        max_network_retries=0,
        http_client=Wire(patience, clock),
    )
    return Gateway(client, patience=patience, clock=clock)


class Gateway:
    """Stripe, as verbs. Amounts are minor units; `key` is the idempotency key of a stored operation."""

    def __init__(
        self,
        client: stripe.StripeClient,
        *,
        pause: Callable[[float], None] = time.sleep,
        timer: Callable[[], float] = time.monotonic,
        patience: Patience | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._patience = patience or Patience(pause=pause, timer=timer)
        self._timer = self._patience.timer
        self._answered_at: str | None = None
        self._answered = self._timer()
        self.calls: Counter[str] = Counter()
        """How many tries ended how since the start: `answered`, or the code of an error."""

    # moving money

    def create_payment_intent(self, params: Params, *, key: str) -> PaymentIntent:
        """https://docs.stripe.com/api/payment_intents/create"""
        return self._post("/v1/payment_intents", {**params, "expand": ["latest_charge"]}, PaymentIntent, key)

    def confirm_payment_intent(self, payment_intent: str, params: Params, *, key: str) -> PaymentIntent:
        """https://docs.stripe.com/api/payment_intents/confirm; another attempt at the same payment."""
        path = f"/v1/payment_intents/{payment_intent}/confirm"
        return self._post(path, {**params, "expand": ["latest_charge"]}, PaymentIntent, key)

    def capture_payment_intent(self, payment_intent: str, amount: int, *, key: str) -> PaymentIntent:
        """https://docs.stripe.com/api/payment_intents/capture; the rest of the authorization is released."""
        params = {"amount_to_capture": amount, "expand": ["latest_charge"]}
        return self._post(f"/v1/payment_intents/{payment_intent}/capture", params, PaymentIntent, key)

    def cancel_payment_intent(self, payment_intent: str, reason: str | None, *, key: str) -> PaymentIntent:
        """https://docs.stripe.com/api/payment_intents/cancel"""
        params = {"cancellation_reason": reason, "expand": ["latest_charge"]}
        return self._post(f"/v1/payment_intents/{payment_intent}/cancel", params, PaymentIntent, key)

    def create_refund(self, params: Params, *, key: str) -> Refund:
        """https://docs.stripe.com/api/refunds/create"""
        return self._post("/v1/refunds", params, Refund, key)

    # customers and their methods

    def create_customer(self, params: Params, *, key: str) -> Customer:
        """https://docs.stripe.com/api/customers/create"""
        return self._post("/v1/customers", params, Customer, key)

    def customers_with(self, email: str) -> list[Customer]:
        """Exact and case-sensitive, newest first; Stripe lets several customers share an address."""
        return list(self._list("/v1/customers", {"email": email}, Customer))

    def customer(self, customer: str) -> Customer:
        return self._get(f"/v1/customers/{customer}", {}, Customer)

    def set_default_method(self, customer: str, payment_method: str, *, key: str) -> Customer:
        """The default for invoices at Stripe, and for azpay's own charges."""
        params = {"invoice_settings": {"default_payment_method": payment_method}}
        return self._post(f"/v1/customers/{customer}", params, Customer, key)

    def attach(self, payment_method: str, customer: str, *, key: str) -> PaymentMethod:
        """https://docs.stripe.com/api/payment_methods/attach"""
        path = f"/v1/payment_methods/{payment_method}/attach"
        return self._post(path, {"customer": customer}, PaymentMethod, key)

    def detach(self, payment_method: str, *, key: str) -> PaymentMethod:
        """For good: Stripe lets a detached method never be used again."""
        return self._post(f"/v1/payment_methods/{payment_method}/detach", {}, PaymentMethod, key)

    def payment_methods(self, customer: str) -> list[PaymentMethod]:
        return list(self._list(f"/v1/customers/{customer}/payment_methods", {}, PaymentMethod))

    def create_setup_intent(self, params: Params, *, key: str) -> SetupIntent:
        """https://docs.stripe.com/api/setup_intents/create"""
        return self._post("/v1/setup_intents", {**params, "expand": ["payment_method"]}, SetupIntent, key)

    # where Stripe posts

    def webhook_endpoints(self) -> list[WebhookEndpoint]:
        return list(self._list("/v1/webhook_endpoints", {}, WebhookEndpoint))

    def create_webhook_endpoint(self, params: Params, *, key: str) -> WebhookEndpoint:
        """https://docs.stripe.com/api/webhook_endpoints/create; its events come in the version we speak."""
        versioned = {**params, "api_version": stripe.api_version}
        return self._post("/v1/webhook_endpoints", versioned, WebhookEndpoint, key)

    def update_webhook_endpoint(self, endpoint: str, params: Params, *, key: str) -> WebhookEndpoint:
        return self._post(f"/v1/webhook_endpoints/{endpoint}", params, WebhookEndpoint, key)

    # looking

    def account(self) -> Account:
        return self._get("/v1/account", {}, Account)

    def server_time(self) -> datetime | None:
        """What Stripe's clock says now, going by its last answer."""
        if not self._answered_at:
            return None
        try:
            said = parsedate_to_datetime(self._answered_at)
        except ValueError:
            return None
        return said + timedelta(seconds=self._timer() - self._answered)

    def payment_intent(self, payment_intent: str) -> PaymentIntent:
        params = {"expand": ["latest_charge"]}
        return self._get(f"/v1/payment_intents/{payment_intent}", params, PaymentIntent)

    def refund(self, refund: str) -> Refund:
        return self._get(f"/v1/refunds/{refund}", {}, Refund)

    def payment_method(self, payment_method: str) -> PaymentMethod:
        return self._get(f"/v1/payment_methods/{payment_method}", {}, PaymentMethod)

    def balance_transaction(self, balance_transaction: str) -> BalanceTransaction:
        return self._get(f"/v1/balance_transactions/{balance_transaction}", {}, BalanceTransaction)

    def payment_intents(self, since: datetime, until: datetime | None = None) -> Iterator[PaymentIntent]:
        """All that were created in [since, until), newest first, a page at a time."""
        params = {**_created(since, until), "expand": ["data.latest_charge"]}
        return self._list("/v1/payment_intents", params, PaymentIntent)

    def refunds(self, since: datetime, until: datetime) -> Iterator[Refund]:
        """All that were created in [since, until), newest first, a page at a time."""
        return self._list("/v1/refunds", _created(since, until), Refund)

    def refunds_of(self, payment_intent: str) -> Iterator[Refund]:
        return self._list("/v1/refunds", {"payment_intent": payment_intent}, Refund)

    def setup_intent(self, setup_intent: str) -> SetupIntent:
        return self._get(f"/v1/setup_intents/{setup_intent}", {"expand": ["payment_method"]}, SetupIntent)

    def setup_intents_of(self, customer: str, since: datetime) -> Iterator[SetupIntent]:
        """Those of a customer that were made since then, newest first."""
        params = {"customer": customer, **_created(since, None), "expand": ["data.payment_method"]}
        return self._list("/v1/setup_intents", params, SetupIntent)

    def dispute(self, dispute: str) -> Dispute:
        return self._get(f"/v1/disputes/{dispute}", {}, Dispute)

    def disputes(self, since: datetime, until: datetime) -> Iterator[Dispute]:
        """All that were raised in [since, until), newest first, a page at a time."""
        return self._list("/v1/disputes", _created(since, until), Dispute)

    def early_fraud_warning(self, warning: str) -> EarlyFraudWarning:
        return self._get(f"/v1/radar/early_fraud_warnings/{warning}", {}, EarlyFraudWarning)

    def early_fraud_warnings(self, since: datetime, until: datetime) -> Iterator[EarlyFraudWarning]:
        return self._list("/v1/radar/early_fraud_warnings", _created(since, until), EarlyFraudWarning)

    def review(self, review: str) -> Review:
        return self._get(f"/v1/reviews/{review}", {}, Review)

    def payout(self, payout: str) -> Payout:
        return self._get(f"/v1/payouts/{payout}", {}, Payout)

    def payouts(self, since: datetime, until: datetime) -> Iterator[Payout]:
        """All that were made in [since, until), newest first, a page at a time."""
        return self._list("/v1/payouts", _created(since, until), Payout)

    def itemized(self, payout: str) -> Itemized:
        """A payout and what it is made of: only of automatic ones, once Stripe has reconciled them.

        https://docs.stripe.com/payouts/reconciliation
        """
        lines = self._list("/v1/balance_transactions", {"payout": payout}, BalanceTransaction)
        return Itemized(self.payout(payout), list(lines))

    def balance(self) -> Balance:
        return self._get("/v1/balance", {}, Balance)

    def events(
        self, since: datetime, types: list[str], *, delivered: bool | None = None
    ) -> Iterator[msgspec.Raw]:
        """Events of these types (20 at most) since then, newest first; only those not delivered, if asked."""
        params = {"created": {"gte": int(since.timestamp())}, "types": types, "delivery_success": delivered}
        return self._list("/v1/events", params, msgspec.Raw)

    def fetch(self, kind: str, identity: str) -> Any:
        """One object of the kind that an event could not speak for."""
        lookups: dict[str, Callable[[str], Any]] = {
            "payment_intent": self.payment_intent,
            "refund": self.refund,
            "customer": self.customer,
            "payment_method": self.payment_method,
            "balance_transaction": self.balance_transaction,
            "setup_intent": self.setup_intent,
            "dispute": self.dispute,
            "early_fraud_warning": self.early_fraud_warning,
            "payout": self.payout,
            "payout_lines": self.itemized,
        }
        return lookups[kind](identity)

    # how

    def _get(self, path: str, params: Params, into: type[T]) -> T:
        return _read(self._ask("get", path, params, key=None), into)

    def _post(self, path: str, params: Params, into: type[T], key: str) -> T:
        answer = self._ask("post", path, params, key=key)
        try:
            return msgspec.json.decode(answer, type=into)
        except msgspec.DecodeError as error:
            raise AnswerLost(
                f"Stripe answered with something we cannot read ({error}). {NOT_KNOWN}",
                hint=f"{SAME_AGAIN} If it repeats, check AZPAY_STRIPE_API_BASE, or upgrade azpay.",
            ) from error

    def _list(self, path: str, params: Params, into: type[T]) -> Iterator[T]:
        after: Params = {}
        more = True
        while more:
            page = _read(self._ask("get", path, {**params, "limit": PAGE, **after}, key=None), Page)
            yield from (_read(raw, into) for raw in page.data)
            more = page.has_more and bool(page.data)
            after = {"starting_after": _read(page.data[-1], _Identified).id} if more else {}

    def _ask(self, method: Literal["get", "post"], path: str, params: Params, *, key: str | None) -> str:
        if self._patience.is_over:
            raise StripeUnavailable(
                "Stripe has kept this command waiting for too long. Nothing was moved by this request.",
                hint="Try again in a minute.",
            )
        began = self._timer()
        self._patience.wait_turn()
        try:
            return self._tried(method, path, params, key, began)
        finally:
            self._patience.spend(self._timer() - began)

    def _tried(
        self, method: Literal["get", "post"], path: str, params: Params, key: str | None, began: float
    ) -> str:
        may_have_acted = False
        for tried in range(1, TRIES + 1):
            if key is not None:
                self._require_time(may_have_acted=may_have_acted)
                asking()
            try:
                return self._once(method, path, params, key)
            except stripe.StripeError as error:
                verdict, asked = _verdict(error), _retry_after(error)
                self.calls[verdict.error.code] += 1
                may_have_acted = key is not None and (may_have_acted or verdict.may_have_acted)
                if tried == TRIES or not verdict.again or not self._patience.allows(began, asked):
                    raise _final(verdict, may_have_acted=may_have_acted) from error
            self._patience.rest(tried, asked, all_of_us=verdict.limited)
        raise AssertionError("a try ends in an answer or an error")

    def _require_time(self, *, may_have_acted: bool) -> None:
        """Raises what is said when the key has become too old to be sent."""
        if is_too_late(self._clock):
            raise _overslept(may_have_acted=may_have_acted)

    def _once(self, method: str, path: str, params: Params, key: str | None) -> str:
        options: Mapping[str, Any] = {"idempotency_key": key} if key else {}
        began, answered = self._timer(), None
        try:
            response = self._client.raw_request(method, path, **_present(params), **options)
            answered = response.headers.get("request-id")
        except STUMBLES as error:
            raise stripe.APIConnectionError("An answer that is not Stripe's.") from error  # type: ignore[no-untyped-call]
        except stripe.StripeError as error:
            answered = error.request_id
            raise
        finally:
            note(answered, int((self._timer() - began) * 1000))
        self._answered_at, self._answered = response.headers.get("date"), self._timer()
        self.calls["answered"] += 1
        return str(response.body)


def _present(params: Params) -> Params:
    return {name: value for name, value in params.items() if value is not None}


def _created(since: datetime, until: datetime | None) -> Params:
    before = {"lt": int(until.timestamp())} if until is not None else {}
    return {"created": {"gte": int(since.timestamp()), **before}}


def _read(answer: str | msgspec.Raw, into: type[T]) -> T:
    """What was looked up. Looking moves nothing, so an unreadable answer leaves nothing unknown."""
    try:
        return msgspec.json.decode(answer, type=into)
    except msgspec.DecodeError as error:
        raise StripeUnavailable(
            f"Stripe answered with something we cannot read ({error}).",
            hint="Try again; if it repeats, upgrade azpay.",
        ) from error


class _Identified(msgspec.Struct, frozen=True):
    id: str


learn(ErrorBody, Page, _Identified)


def _verdict(error: stripe.StripeError) -> Verdict:
    """Only an error object of Stripe's own is its answer; a proxy's page is not, whatever its status."""
    if error.http_status is None:
        cause = error.__cause__
        if isinstance(cause, NEVER_SENT):
            return unreachable(str(cause) or type(cause).__name__, sent=False)
        return unreachable(type(cause or error).__name__, sent=True)
    try:
        body = msgspec.convert(error.json_body, ErrorBody, strict=False)
    except msgspec.ValidationError:
        return unreadable(error.http_status)
    return judge(error.http_status, body.error)


def _retry_after(error: stripe.StripeError) -> int | None:
    """Whole seconds; a date, which Stripe never sends, is not understood."""
    asked = (error.headers or {}).get("retry-after", "")
    return int(asked) if asked.isascii() and asked.isdigit() else None


NOT_KNOWN = "Whether it took effect is not known."
SAME_AGAIN = "Do not start over: the same command again asks Stripe under the same key."


def _final(verdict: Verdict, *, may_have_acted: bool) -> Exception:
    """What is said in the end, always with whether anything was moved; a decline says so by itself."""
    error = verdict.error
    if may_have_acted and not verdict.definite:
        look = f" {error.hint}" if verdict.astray else ""
        return AnswerLost(f"{error.message} {NOT_KNOWN}", hint=f"{SAME_AGAIN}{look}")
    if isinstance(error, CardDeclined):
        return error
    return type(error)(f"{error.message} Nothing was moved.", hint=error.hint)


def _overslept(*, may_have_acted: bool) -> Exception:
    if may_have_acted:
        return AnswerLost(f"Stripe's answer did not come back while its key was good. {NOT_KNOWN}")
    return Overslept()
