from __future__ import annotations

from base64 import b64decode, b64encode
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from azpay.sandbox.errors import bad_request
from azpay.sandbox.lists import chosen, list_page, paged_by_time
from azpay.sandbox.params import choice, shape, unsupported
from azpay.sandbox.routing import Call, Route
from azpay.sandbox.wire import Download

if TYPE_CHECKING:
    from azpay.sandbox.forms import Node
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_UPLOADED = (
    "account_requirement",
    "additional_verification",
    "business_icon",
    "business_logo",
    "customer_signature",
    "dispute_evidence",
    "identity_document",
    "issuing_regulatory_reporting",
    "pci_document",
    "platform_terms_of_service",
    "tax_document_user_upload",
    "terminal_android_apk",
    "terminal_reader_splashscreen",
    "terminal_wifi_certificate",
    "terminal_wifi_private_key",
)
_MADE_BY_STRIPE = (
    "document_provider_identity_document",
    "finance_report_run",
    "financial_account_statement",
    "identity_document_downloadable",
    "selfie",
    "sigma_scheduled_query",
)
_EVIDENCE_TYPES = ("jpeg", "jpg", "pdf", "png")
_CONTENT_TYPES = {
    "csv": "text/csv",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "pdf": "application/pdf",
    "png": "image/png",
}
PATH = "/v1/files"


def _upload(node: Node, name: str) -> Json:
    if not isinstance(node, dict) or node.keys() != {"filename", "content"}:
        raise bad_request("Invalid file: it has to be uploaded as a part with a filename.", param=name)
    if not node["content"]:
        raise bad_request("Invalid file: it is empty.", param=name)
    return dict(node)


_CREATE = shape(file=_upload, file_link_data=unsupported, purpose=choice(*_UPLOADED)).requiring(
    "file", "purpose"
)


def add(world: World, content: bytes, *, filename: str, purpose: str, expires_at: int | None = None) -> Json:
    identifier = world.ids.new("file")
    file = {
        "id": identifier,
        "object": "file",
        "created": world.time,
        "expires_at": expires_at,
        "filename": filename or None,
        "links": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/file_links?file={identifier}",
        },
        "purpose": purpose,
        "size": len(content),
        "title": None,
        "type": _type(filename),
        "url": f"{world.base_url}{PATH}/{identifier}/contents",
        "_content": b64encode(content).decode(),
    }
    return world.files.add(file)


def _type(filename: str) -> str | None:
    return PurePosixPath(filename).suffix.lower().lstrip(".") or None


def _create(world: World, call: Call) -> Json:
    given, purpose = call.params["file"], call.params["purpose"]
    if purpose == "dispute_evidence" and _type(given["filename"]) not in _EVIDENCE_TYPES:
        kinds = ", ".join(_EVIDENCE_TYPES)
        raise bad_request(f"Invalid file type for {purpose}: it must be one of {kinds}.", param="file")
    file = add(world, b64decode(given["content"]), filename=given["filename"], purpose=purpose)
    world.emit("file.created", file)
    return file


def _retrieve(world: World, call: Call) -> Json:
    return world.files.get(call.ids["file"], param="file")


def _contents(world: World, call: Call) -> Download:
    file = _retrieve(world, call)
    kind = _CONTENT_TYPES.get(file["type"] or "", "application/octet-stream")
    return Download(b64decode(file["_content"]), kind)


def _list(world: World, call: Call) -> Json:
    return list_page(world.files, PATH, call.params, equal=chosen(call.params, "purpose"))


ROUTES = (
    Route("POST", PATH, _CREATE, _create),
    Route("GET", PATH, paged_by_time(purpose=choice(*_UPLOADED, *_MADE_BY_STRIPE)), _list),
    Route("GET", PATH + "/{file}", shape(), _retrieve),
    Route("GET", PATH + "/{file}/contents", shape(), _contents),
)
