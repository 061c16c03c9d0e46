"""Form bodies as Stripe reads them: `a=1`, `a[b]=1`, `a[]=1`, `a[0]=1`, `a[0][b]=1`.

A decoded form is made of strings, dicts and lists. Lists come from `[]` only; an indexed array is still
a dict of digits here, because only the parameter's type says whether it is meant as an array.
"""

from __future__ import annotations

import re
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

import msgspec

from azpay.sandbox.errors import StripeError, bad_request

Node: TypeAlias = "str | list[Node] | dict[str, Node]"
Form: TypeAlias = dict[str, Node]

MAX_FIELDS = 5_000
MAX_DEPTH = 8

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_SEGMENT = re.compile(r"\[([^\[\]]*)\]")


def decode(raw: str | bytes) -> Form:
    """Read a query string or a form body. Garbage is refused, never guessed at."""
    encoded = raw.encode() if isinstance(raw, str) else raw
    form: Form = {}
    for number, pair in enumerate(part for part in encoded.split(b"&") if part):
        if number >= MAX_FIELDS:
            raise bad_request(f"A request may have at most {MAX_FIELDS} parameters.")
        name, _, value = pair.partition(b"=")
        put(form, _text(name), _text(value))
    return form


def _text(quoted: bytes) -> str:
    if _BROKEN_ESCAPE.search(quoted):
        raise bad_request("Invalid percent-encoding in the request's parameters.")
    try:
        text = unquote_to_bytes(quoted.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise bad_request("Invalid UTF-8 in the request's parameters.") from None
    if "\0" in text:
        raise bad_request("Invalid null byte in the request's parameters.")
    return text


def put(form: Form, name: str, value: str) -> None:
    """Add a field under its name with brackets."""
    key = _KEY.fullmatch(name)
    if key is None:
        raise _malformed(name)
    path = [key[1], *_SEGMENT.findall(key[2])]
    if len(path) > MAX_DEPTH:
        raise bad_request(f"Parameters may be nested at most {MAX_DEPTH} levels deep.")
    _assign(form, path, value, name)


def _assign(parent: dict[str, Node], path: list[str], value: str, name: str) -> None:
    """Walk down to the place that `path` names, making what is missing, and put `value` there."""
    head, rest = path[0], path[1:]
    if not rest and head in parent:
        raise bad_request(f"Received a parameter more than once: {name[:80]}", param=name[:80])
    if not rest:
        parent[head] = value
    elif rest[0] == "":
        _append(_array(parent.setdefault(head, []), name), rest[1:], value, name)
    else:
        _assign(_hash(parent.setdefault(head, {}), name), rest, value, name)


def _append(array: list[Node], rest: list[str], value: str, name: str) -> None:
    """`a[]=1` adds an element; `a[][b]=1` adds a field, to a new element once the last one has it."""
    if not rest:
        array.append(value)
        return
    last = array[-1] if array else None
    if not isinstance(last, dict) or rest[0] in last:
        last = {}
        array.append(last)
    _assign(last, rest, value, name)


def _array(node: Node, name: str) -> list[Node]:
    if not isinstance(node, list):
        raise _malformed(name)
    return node


def _hash(node: Node, name: str) -> dict[str, Node]:
    if not isinstance(node, dict):
        raise _malformed(name)
    return node


def _malformed(name: str) -> StripeError:
    shown = name if len(name) <= 80 else f"{name[:80]}…"  # noqa: PLR2004 - enough to recognise it
    return bad_request(f"Malformed parameter name: {shown!r}")


def decode_json(raw: bytes) -> Form:
    """A JSON body as the same kind of form: numbers and booleans as they would be written in one."""
    try:
        body = msgspec.json.decode(raw) if raw else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise bad_request("The request's body is not JSON.") from None
    if not isinstance(body, dict):
        raise bad_request("The request's body is not a JSON object.")
    return {name: _node(value, MAX_DEPTH) for name, value in body.items()}


def _node(value: object, levels: int) -> Node:
    if not levels:
        raise bad_request(f"Parameters may be nested at most {MAX_DEPTH} levels deep.")
    if isinstance(value, dict):
        return {name: _node(inner, levels - 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_node(inner, levels - 1) for inner in value]
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
