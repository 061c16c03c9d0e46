"""Uploads: bodies of the kind `multipart/form-data`, whose files are bytes and whose fields are a form."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING

from azpay.sandbox.errors import StripeError, bad_request
from azpay.sandbox.forms import Form, put

if TYPE_CHECKING:
    from azpay.sandbox.wire import Request

MAX_PARTS = 100

_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,70})"?', re.ASCII)
_NAME = re.compile(rb'[;\s]name="([^"\r\n]{1,200})"')
_FILENAME = re.compile(rb'filename="([^"\r\n]{0,500})"')


def is_multipart(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == "multipart/form-data"


def decode(request: Request) -> Form:
    """A file becomes `{"filename": ..., "content": ...}`, its content in base64."""
    boundary = _BOUNDARY.search(request.headers.get("content-type", ""))
    if boundary is None:
        raise bad_request("A multipart/form-data request needs a boundary in its Content-Type.")
    sections = (b"\r\n" + request.body).split(b"\r\n--" + boundary[1].encode())
    if len(sections) < 2 or not sections[-1].startswith(b"--"):  # noqa: PLR2004 - a beginning and an end
        raise _broken()
    if len(sections) > MAX_PARTS:
        raise bad_request(f"A request may have at most {MAX_PARTS} parts.")
    form: Form = {}
    for section in sections[1:-1]:
        _read(form, section)
    return form


def _read(form: Form, section: bytes) -> None:
    head, separator, content = section.partition(b"\r\n\r\n")
    name, filename = _NAME.search(head), _FILENAME.search(head)
    if not separator or name is None:
        raise _broken()
    if filename is None:
        put(form, _text(name[1]), _text(content))
    else:
        file: Form = {"filename": _text(filename[1]), "content": b64encode(content).decode()}
        form[_text(name[1])] = file


def _text(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise bad_request("Invalid UTF-8 in the request's parameters.") from None
    if "\0" in text:
        raise bad_request("Invalid null byte in the request's parameters.")
    return text


def _broken() -> StripeError:
    return bad_request("The multipart/form-data body of this request is broken off or malformed.")
