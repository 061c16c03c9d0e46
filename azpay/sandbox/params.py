"""Parameters with their types, and Stripe's words for what is wrong with them.

A `Reader` takes what the form holds and the name to complain about, and returns the value a handler
works with. An endpoint's parameters are a `Shape`: a table from name to reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from azpay.sandbox import wording
from azpay.sandbox.errors import StripeError, bad_request
from azpay.sandbox.forms import Form, Node

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json

Reader: TypeAlias = Callable[[Node, str], object]

MAX_TEXT = 5_000
MAX_INTEGER_DIGITS = 18
METADATA_KEYS, METADATA_KEY, METADATA_VALUE = 50, 40, 500

_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shape:
    """The parameters of one endpoint, or of one hash inside it."""

    readers: Mapping[str, Reader]
    required: frozenset[str] = field(default_factory=frozenset)

    def requiring(self, *names: str) -> Shape:
        return replace(self, required=self.required | set(names))

    def with_(self, **readers: Reader) -> Shape:
        return replace(self, readers={**self.readers, **readers})

    def read(self, form: Form, prefix: str = "") -> Json:
        """The typed values of what was sent. What was not sent is not in the result."""
        self._check_names(form, prefix)
        return {name: self.readers[name](node, _within(prefix, name)) for name, node in form.items()}

    def _check_names(self, form: Form, prefix: str) -> None:
        unknown = [_within(prefix, name) for name in form if name not in self.readers]
        if unknown:
            noun = "parameter" if len(unknown) == 1 else "parameters"
            message = f"Received unknown {noun}: {', '.join(unknown)}"
            raise bad_request(message, code="parameter_unknown", param=unknown[0])
        for name in sorted(self.required - form.keys()):
            raise missing(_within(prefix, name))


def shape(**readers: Reader) -> Shape:
    return Shape(readers)


def missing(name: str) -> StripeError:
    return bad_request(f"Missing required param: {name}.", code="parameter_missing", param=name)


def _within(prefix: str, name: str) -> str:
    return f"{prefix}[{name}]" if prefix else name


def _string(node: Node, name: str) -> str:
    if not isinstance(node, str):
        raise bad_request(f"Invalid string: {name} is not a string", param=name)
    return node


def _filled(node: Node, name: str) -> str:
    value = _string(node, name)
    if not value:
        raise bad_request(wording.cannot_be_unset(name), code="parameter_invalid_empty", param=name)
    return value


def text(most: int = MAX_TEXT) -> Reader:
    def read(node: Node, name: str) -> str:
        value = _filled(node, name)
        if len(value) > most:
            raise bad_request(
                f"Invalid string: {value[:40]}...; must be at most {most} characters", param=name
            )
        return value

    return read


def clearable(reader: Reader) -> Reader:
    """An empty string unsets the field: the handler sees None."""
    return lambda node, name: None if node == "" else reader(node, name)


def integer(least: int | None = None, most: int | None = None) -> Reader:
    def read(node: Node, name: str) -> int:
        value = _filled(node, name)
        if not _INTEGER.fullmatch(value) or len(value) > MAX_INTEGER_DIGITS:
            raise bad_request(f"Invalid integer: {value[:40]}", code="parameter_invalid_integer", param=name)
        number = int(value)
        if least is not None and number < least:
            raise _out_of_range(f"This value must be greater than or equal to {least}.", name)
        if most is not None and number > most:
            raise _out_of_range(f"This value must be less than or equal to {most}.", name)
        return number

    return read


def _out_of_range(message: str, name: str) -> StripeError:
    return bad_request(message, code="parameter_invalid_integer", param=name)


def boolean(node: Node, name: str) -> bool:
    value = _filled(node, name)
    if value not in ("true", "false"):
        raise bad_request(f"Invalid boolean: {value[:40]}", param=name)
    return value == "true"


def choice(*allowed: str) -> Reader:
    def read(node: Node, name: str) -> str:
        value = _filled(node, name)
        if value not in allowed:
            raise bad_request(f"Invalid {name}: must be one of {_listed(allowed)}", param=name)
        return value

    return read


def _listed(words: tuple[str, ...]) -> str:
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])}{',' if len(words) > 2 else ''} or {words[-1]}"  # noqa: PLR2004


def url(*schemes: str) -> Reader:
    """An absolute URL, of one of the schemes if any are given."""

    def read(node: Node, name: str) -> str:
        value = _filled(node, name)
        if len(value) > MAX_TEXT or not _is_url(value, schemes):
            raise bad_request("Not a valid URL", code="url_invalid", param=name)
        return value

    return read


def _is_url(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(value)
        known = parts.scheme in schemes if schemes else bool(parts.scheme)
        return known and bool(parts.hostname) and parts.port != 0 and value.isprintable()
    except ValueError:
        return False


def hash_of(inner: Shape) -> Reader:
    def read(node: Node, name: str) -> Json:
        if not isinstance(node, dict):
            raise bad_request("Invalid object", param=name)
        return inner.read(node, name)

    return read


def array_of(reader: Reader) -> Reader:
    def read(node: Node, name: str) -> list[object]:
        return [reader(element, f"{name}[{place}]") for place, element in enumerate(_elements(node, name))]

    return read


def _elements(node: Node, name: str) -> list[Node]:
    """An array comes as `[]`, as indexes, or as one bare value of nothing at all."""
    if isinstance(node, list):
        return node
    if node == "":
        return []
    if isinstance(node, dict) and all(_is_index(key) for key in node):
        return [node[key] for key in sorted(node, key=int)]
    raise bad_request("Invalid array", param=name)


def _is_index(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) < MAX_INTEGER_DIGITS


def metadata(node: Node, name: str) -> dict[str, str] | None:
    """None clears everything; a value that is empty removes its key."""
    if node == "":
        return None
    if not isinstance(node, dict):
        raise bad_request("Invalid object", param=name)
    return {key: _metadata_value(key, value, name) for key, value in node.items()}


def _metadata_value(key: str, node: Node, name: str) -> str:
    value = _string(node, _within(name, key))
    if len(key) > METADATA_KEY:
        raise bad_request(
            f"Metadata keys must be at most {METADATA_KEY} characters long: {key[:45]}...", param=name
        )
    if len(value) > METADATA_VALUE:
        raise bad_request(wording.metadata_too_long(value, METADATA_VALUE), param=_within(name, key))
    return value


def merged_metadata(known: Mapping[str, str], change: Mapping[str, str] | None) -> dict[str, str]:
    if change is None:
        return {}
    merged = {key: value for key, value in {**known, **change}.items() if value}
    if len(merged) > METADATA_KEYS:
        raise bad_request(f"You cannot have more than {METADATA_KEYS} metadata keys.", param="metadata")
    return merged


def opaque(node: Node, _name: str) -> Node:
    """Accepted and left alone: it has no effect on anything the sandbox does."""
    return node


def unsupported(_node: Node, name: str) -> object:
    raise bad_request(f"The sandbox does not support `{name}`.", param=name)


def period(node: Node, name: str) -> Json:
    """`created=1` or `created[gte]=1`: a dict of bounds, `{"eq": 1}` for the exact form."""
    if isinstance(node, dict):
        return hash_of(shape(gt=integer(), gte=integer(), lt=integer(), lte=integer()))(node, name)  # type: ignore[return-value]
    return {"eq": integer()(node, name)}


PAGE: Mapping[str, Reader] = {
    "limit": integer(),
    "starting_after": text(),
    "ending_before": text(),
}
ADDRESS = shape(
    **dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), clearable(text()))
)
SHIPPING = shape(
    address=hash_of(ADDRESS),
    name=text(),
    phone=clearable(text()),
    carrier=clearable(text()),
    tracking_number=clearable(text()),
).requiring("address", "name")
EMAIL = text(512)
