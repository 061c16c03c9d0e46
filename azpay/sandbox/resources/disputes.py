"""Disputes as the merchant sees them: evidence is collected, submitted once, or the loss accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.changes import previous_attributes
from azpay.sandbox.errors import bad_request
from azpay.sandbox.lists import chosen, list_page, paged_by_time
from azpay.sandbox.params import boolean, choice, hash_of, merged_metadata, metadata, shape, text
from azpay.sandbox.resources import disputing, evidence
from azpay.sandbox.resources.disputing import NEEDS_RESPONSE, UNDER_REVIEW
from azpay.sandbox.routing import Call, Route
from azpay.sandbox.versions import is_endive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.routing import Work
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_UPDATE = shape(
    evidence=hash_of(evidence.EVIDENCE),
    intended_submission_method=choice("manual", "prefer_manual", "prefer_smart_disputes", "smart_disputes"),
    metadata=metadata,
    submit=boolean,
)


def _retrieve(world: World, call: Call) -> Json:
    return world.disputes.get(call.ids["dispute"], param="dispute")


def _list(world: World, call: Call) -> Json:
    equal = chosen(call.params, "charge", "payment_intent")
    return list_page(world.disputes, "/v1/disputes", call.params, equal=equal)


def _update(world: World, call: Call) -> Json:
    """Evidence is submitted unless the merchant asks for it to wait."""
    dispute, params = _retrieve(world, call), call.params
    _check_version(call)
    submitting = params.get("submit", "evidence" in params)
    if submitting or "evidence" in params:
        _check_answerable(dispute)
    fields = _fields(world, dispute, params)
    _check_fee_acknowledged({**dispute, **fields}, submitting=submitting)
    before = dict(dispute)
    dispute.update(fields)
    if submitting:
        disputing.submit(world, dispute)
    if dispute != before:
        world.emit("charge.dispute.updated", dispute, previous=previous_attributes(before, dispute))
    return dispute


def _check_version(call: Call) -> None:
    name = "intended_submission_method"
    if name in call.params and not is_endive(call.version):
        raise bad_request(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)


def _check_answerable(dispute: Json) -> None:
    if dispute["status"] in UNDER_REVIEW:
        raise bad_request("The evidence for this dispute has been submitted: it cannot be changed any more.")
    if dispute["status"] not in NEEDS_RESPONSE:
        raise bad_request("This dispute is already closed")


def _fields(world: World, dispute: Json, params: Json) -> Json:
    """What the parameters change, before anything is submitted."""
    fields = chosen(params, "intended_submission_method")
    if "metadata" in params:
        fields["metadata"] = merged_metadata(dispute["metadata"], params["metadata"])
    if "evidence" in params:
        collected = evidence.merged(world, dispute["evidence"], params["evidence"])
        details = dispute["evidence_details"]
        eligible = evidence.eligibility(details["enhanced_eligibility"], collected)
        fields["evidence"] = collected
        fields["evidence_details"] = {
            **details,
            "enhanced_eligibility": eligible,
            "has_evidence": evidence.anything_in(collected),
        }
    return fields


def _check_fee_acknowledged(dispute: Json, *, submitting: bool) -> None:
    eligible = dispute["evidence_details"]["enhanced_eligibility"].get("visa_compliance", {})
    if submitting and eligible.get("status") == "requires_fee_acknowledgement":
        raise bad_request(
            "Visa charges for countering a compliance dispute. Acknowledge that with "
            "evidence[enhanced_evidence][visa_compliance][fee_acknowledged]=true.",
            param="evidence[enhanced_evidence][visa_compliance][fee_acknowledged]",
        )


def _close(world: World, call: Call) -> Json:
    """Accept the loss; of an inquiry, which has taken nothing, only that it ends. There is no way back."""
    dispute = _retrieve(world, call)
    _check_answerable(dispute)
    asked = dispute["status"] == "warning_needs_response"
    disputing.close(world, dispute, "warning_closed" if asked else "lost")
    return dispute


ROUTES = (
    Route("GET", "/v1/disputes", paged_by_time(charge=text(), payment_intent=text()), _list),
    Route("GET", "/v1/disputes/{dispute}", shape(), _retrieve),
    Route("POST", "/v1/disputes/{dispute}", _UPDATE, _update),
    Route("POST", "/v1/disputes/{dispute}/close", shape(), _close),
)
WORK: Mapping[str, Work] = disputing.WORK
