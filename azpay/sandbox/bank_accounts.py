"""Stripe's test bank accounts: what `pm_usBankAccount_…` and the like stand for, and what becomes of a debit.

A debit is never answered at once. It is processing until the bank has had its say, seconds or minutes later
by the sandbox's clock, and some accounts are there to fail then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpay.sandbox.cards import Behaviour, Decline
from azpay.sandbox.ids import scramble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SETTLED_AFTER = 5
DELAYED = 3 * 60 + SETTLED_AFTER
"""Seconds until the bank answers."""


@dataclass(frozen=True, slots=True)
class BankAccount:
    """`settles_after` None: the bank never answers. `verified` False: small deposits cannot be made to it."""

    token: str
    kind: str
    country: str
    last4: str
    behaviour: Behaviour
    settles_after: int | None = SETTLED_AFTER
    verified: bool = True


_MESSAGES = {
    "account_closed": "The customer's bank account has been closed.",
    "charge_exceeds_source_limit": "This payment exceeds the weekly volume limit of the bank account.",
    "charge_exceeds_weekly_limit": "This payment exceeds the weekly limit of the bank account.",
    "debit_not_authorized": "The customer has told their bank that this payment was not authorized.",
    "insufficient_funds": "The customer's account has insufficient funds to cover this payment.",
    "invalid_currency": "The bank cannot process this payment because of its currency.",
    "no_account": "The customer's bank account could not be located.",
    "generic_decline": "The customer's bank refused this payment.",
    "highest_risk_level": "Stripe blocked this payment as too risky.",
}


def _fails(code: str) -> Behaviour:
    return Behaviour(decline=Decline(code, None, _MESSAGES[code]))


_PLAIN = Behaviour()
_BEHAVIOURS: Mapping[str, Behaviour] = {
    "accountClosed": _fails("account_closed"),
    "noAccount": _fails("no_account"),
    "insufficientFunds": _fails("insufficient_funds"),
    "debitNotAuthorized": _fails("debit_not_authorized"),
    "invalidCurrency": _fails("invalid_currency"),
    "weeklyLimitExceeded": _fails("charge_exceeds_weekly_limit"),
    "exceedsWeeklyVolumeLimit": _fails("charge_exceeds_source_limit"),
    "exceedsWeeklyTransactionLimit": _fails("charge_exceeds_weekly_limit"),
    "failed": _fails("generic_decline"),
    "failedDelayed": _fails("generic_decline"),
    "dispute": Behaviour(dispute="debit_not_authorized"),
    "disputed": Behaviour(dispute="debit_not_authorized"),
    "riskLevelHighest": Behaviour(
        decline=Decline("payment_method_provider_decline", None, _MESSAGES["highest_risk_level"]),
        blocked=True,
        risk_level="highest",
    ),
}
_SETTLES_AFTER: Mapping[str, int | None] = {
    "successDelayed": DELAYED,
    "failedDelayed": DELAYED,
    "processing": None,
}

# what the token says of the account, and the last four digits that such an account has
_UNITED_STATES = {
    "success": "6789",
    "accountClosed": "1113",
    "riskLevelHighest": "4954",
    "noAccount": "1116",
    "insufficientFunds": "2227",
    "debitNotAuthorized": "3335",
    "invalidCurrency": "4440",
    "failMicrodeposits": "6661",
    "dispute": "5559",
    "processing": "0009",
    "weeklyLimitExceeded": "2323",
}
_BRITAIN = {
    "success": "2345",
    "successDelayed": "2347",
    "accountClosed": "1111",
    "insufficientFunds": "2227",
    "debitNotAuthorized": "3335",
    "noAccount": "4445",
    "disputed": "6666",
    "exceedsWeeklyVolumeLimit": "3434",
    "exceedsWeeklyTransactionLimit": "1212",
}
_AUSTRALIA = {
    "success": "3456",
    "successDelayed": "3457",
    "accountClosed": "1113",
    "insufficientFunds": "2227",
    "debitNotAuthorized": "3335",
    "noAccount": "1116",
    "disputed": "6660",
    "exceedsWeeklyVolumeLimit": "3434",
    "exceedsWeeklyTransactionLimit": "1212",
}
_SEPA = (
    "success",
    "successDelayed",
    "failed",
    "failedDelayed",
    "disputed",
    "exceedsWeeklyVolumeLimit",
    "exceedsWeeklyTransactionLimit",
    "insufficientFunds",
)
_SEPA_COUNTRIES = {
    "at": "3201", "be": "7061", "bg": "1345", "ch": "2957", "cy": "7600", "cz": "0399", "de": "3000",
    "dk": "6243", "ee": "5685", "es": "7890", "fi": "0785", "fr": "2606", "gb": "5432", "gi": "3385",
    "gr": "0695", "hr": "7589", "hu": "0000", "ie": "5678", "is": "0339", "it": "3456", "li": "8777",
    "lt": "1000", "lu": "0000", "lv": "1000", "mc": "8193", "mt": "1000", "nl": "5264", "no": "7947",
    "pl": "2874", "pt": "0154", "ro": "0000", "se": "0003", "si": "8439", "sk": "7541", "sm": "0100",
}  # fmt: skip

_SEPA_KNOWN = {
    ("at", "failed"): "3202", ("at", "failedDelayed"): "3203", ("at", "successDelayed"): "3204",
    ("at", "disputed"): "3205", ("de", "failed"): "3001", ("de", "failedDelayed"): "3002",
    ("de", "successDelayed"): "3003", ("de", "disputed"): "3004",
}  # fmt: skip


def _account(token: str, kind: str, country: str, last4: str, outcome: str) -> BankAccount:
    return BankAccount(
        token,
        kind,
        country.upper(),
        last4,
        _BEHAVIOURS.get(outcome, _PLAIN),
        _SETTLES_AFTER.get(outcome, SETTLED_AFTER),
        verified=outcome != "failMicrodeposits",
    )


def _accounts() -> Iterator[BankAccount]:
    for outcome, last4 in _UNITED_STATES.items():
        yield _account(f"pm_usBankAccount_{outcome}", "us_bank_account", "US", last4, outcome)
    for outcome, last4 in _BRITAIN.items():
        yield _account(f"pm_bacsDebit_{outcome}", "bacs_debit", "GB", last4, outcome)
    for outcome, last4 in _AUSTRALIA.items():
        yield _account(f"pm_auBecsDebit_{outcome}", "au_becs_debit", "AU", last4, outcome)
    for country, last4 in _SEPA_COUNTRIES.items():
        for outcome in _SEPA:
            digits = last4 if outcome == "success" else _sepa_digits(country, outcome)
            yield _account(f"pm_sepaDebit_{outcome}_{country}", "sepa_debit", country, digits, outcome)


def _sepa_digits(country: str, outcome: str) -> str:
    """As documented where they are known; elsewhere, some that are the same every time."""
    return (
        _SEPA_KNOWN.get((country, outcome)) or f"{int(scramble(f'{country}:{outcome}', 4), 36) % 10_000:04}"
    )


BANK_ACCOUNTS: Mapping[str, BankAccount] = {account.token: account for account in _accounts()}
CURRENCIES: Mapping[str, str] = {
    "us_bank_account": "usd",
    "sepa_debit": "eur",
    "bacs_debit": "gbp",
    "au_becs_debit": "aud",
}
"""The one currency that each kind of debit takes."""
