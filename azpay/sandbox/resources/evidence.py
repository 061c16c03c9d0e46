"""What a merchant has to say about a dispute, and which of it can be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.dispute_kinds import DOCUMENTS, TEXTS
from azpay.sandbox.errors import StripeError, bad_request
from azpay.sandbox.params import (
    ADDRESS,
    array_of,
    boolean,
    choice,
    clearable,
    hash_of,
    shape,
    text,
)

if TYPE_CHECKING:
    from azpay.sandbox.params import Reader
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

MAX_EVIDENCE = 150_000
_MAX_TEXT, _MAX_SHORT_TEXT = 20_000, 5_000
_LONG = (
    "access_activity_log",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "duplicate_charge_explanation",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "uncategorized_text",
)
_PRIOR_NEEDED = 2

_TRANSACTION: dict[str, Reader] = {
    "customer_account_id": clearable(text()),
    "customer_device_fingerprint": clearable(text()),
    "customer_device_id": clearable(text()),
    "customer_email_address": clearable(text()),
    "customer_purchase_ip": clearable(text()),
    "product_description": clearable(text()),
    "shipping_address": hash_of(ADDRESS),
}
_COMPELLING = shape(
    disputed_transaction=hash_of(
        shape(**_TRANSACTION, merchandise_or_services=choice("merchandise", "services"))
    ),
    prior_undisputed_transactions=array_of(hash_of(shape(**_TRANSACTION, charge=text()).requiring("charge"))),
)
_ENHANCED = shape(
    visa_compelling_evidence_3=hash_of(_COMPELLING),
    visa_compliance=hash_of(shape(fee_acknowledged=boolean)),
)
EVIDENCE = shape(
    **{name: clearable(text(_MAX_TEXT if name in _LONG else _MAX_SHORT_TEXT)) for name in TEXTS},
    **dict.fromkeys(DOCUMENTS, clearable(text())),
    enhanced_evidence=clearable(hash_of(_ENHANCED)),
)


def merged(world: World, known: Json, given: Json) -> Json:
    """The evidence with what was sent now. Documents have to be uploaded before."""
    for name in DOCUMENTS:
        if given.get(name) is not None:
            _check_document(world, given[name], f"evidence[{name}]")
    evidence = {**known, **given}
    if "enhanced_evidence" in given:
        evidence["enhanced_evidence"] = _enhanced(known["enhanced_evidence"], given["enhanced_evidence"])
    written = sum(len(evidence[name] or "") for name in TEXTS)
    if written > MAX_EVIDENCE:
        raise bad_request(
            f"Evidence may be at most {MAX_EVIDENCE} characters long in all; this is {written}.",
            param="evidence",
        )
    return evidence


def _check_document(world: World, identifier: str, param: str) -> None:
    file = world.files.find(identifier)
    if file is None:
        raise StripeError(400, f"No such file upload: '{identifier}'", code="resource_missing", param=param)
    if file["purpose"] != "dispute_evidence":
        raise bad_request(
            f"The file {identifier} was uploaded for {file['purpose']}, and not for dispute_evidence.",
            param=param,
        )


def _enhanced(known: Json, given: Json | None) -> Json:
    if given is None:
        return {}
    enhanced = {**known, **given}
    compelling = enhanced.get("visa_compelling_evidence_3")
    if compelling is not None:
        compelling.setdefault("prior_undisputed_transactions", [])
    if enhanced.get("visa_compliance") == {}:
        del enhanced["visa_compliance"]
    return enhanced


def anything_in(evidence: Json) -> bool:
    return any(value not in (None, {}) for value in evidence.values())


def eligibility(eligible: Json, evidence: Json) -> Json:
    """How far the evidence for one of Visa's programs has come."""
    enhanced, told = evidence["enhanced_evidence"], dict(eligible)
    if "visa_compliance" in told and enhanced.get("visa_compliance", {}).get("fee_acknowledged"):
        told["visa_compliance"] = {"status": "fee_acknowledged"}
    if "visa_compelling_evidence_3" in told:
        missing = _missing(enhanced.get("visa_compelling_evidence_3", {}))
        status = "requires_action" if missing else "qualified"
        told["visa_compelling_evidence_3"] = {"required_actions": missing, "status": status}
    return told


def _missing(compelling: Json) -> list[str]:
    disputed = compelling.get("disputed_transaction", {})
    prior = compelling.get("prior_undisputed_transactions", [])
    identified = any(disputed.get(name) for name in ("customer_device_id", "customer_purchase_ip"))
    actions = {
        "missing_customer_identifiers": not identified,
        "missing_disputed_transaction_description": not disputed.get("product_description"),
        "missing_merchandise_or_services": not disputed.get("merchandise_or_services"),
        "missing_prior_undisputed_transactions": len(prior) < _PRIOR_NEEDED,
    }
    return [name for name, is_missing in actions.items() if is_missing]
