"""structlog processors that leave nothing in an event that may not be read.

Whatever comes in, what goes out is made of plain text, numbers, lists and dictionaries, each text redacted
and on one line. Nothing reaches a renderer's `repr` unseen.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from azpay.logs.redaction import looks_like_card_number, printable, redact

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    EventDict = MutableMapping[str, Any]

HIDDEN = "[hidden]"
_TELLTALE = re.compile(
    r"(?i)authorization|password|passwd|secret|cookie|private_?key|api_?key|(?:^|_)(?:token|jwt|cvc|cvv|pan|iban)$"
)
_SEVERAL_LINES = ("exception", "stack")
_DEEPEST = 8
_LONGEST_TEXT = 16_384
_LONGEST_INTEGER = 64


def scrub(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Every value of an event, except what structlog keeps for itself under names with an underscore."""
    for name in [name for name in event if not name.startswith("_")]:
        value = event.pop(name)
        if name in _SEVERAL_LINES:
            event[name] = _lines(str(value))
        else:
            event[_text(name)] = _named(name, value, _DEEPEST)
    return event


def indented(_logger: object, _method: str, event: EventDict) -> EventDict:
    """For a terminal: set the lines of a traceback apart, so that none passes for a line of the log."""
    for name in _SEVERAL_LINES:
        if name in event:
            event[name] = "\n".join(f"  | {line}" for line in event[name].split("\n"))
    return event


def _named(name: str, value: object, deep: int) -> object:
    if _TELLTALE.search(name) and isinstance(value, str | bytes | list | tuple):
        return HIDDEN
    return _clean(value, deep)


def _clean(value: object, deep: int) -> object:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return _number(value)
    if deep == 0:
        return "[too deep]"
    if isinstance(value, dict):
        return _mapping(value, deep - 1)
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(each, deep - 1) for each in value]
    return _text(_written(value))


def _mapping(values: Mapping[Any, object], deep: int) -> dict[str, object]:
    return {_text(_written(name)): _named(_written(name), value, deep) for name, value in values.items()}


def _number(value: int) -> object:
    if value.bit_length() > _LONGEST_INTEGER:
        return "[a very large number]"
    return "[card]" if looks_like_card_number(str(value)) else int(value)


def _written(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "backslashreplace")
    try:
        return str(value)
    except Exception:  # a line of a log must not end what it reports on
        return f"[a {type(value).__name__} that cannot be written]"


def _text(value: str) -> str:
    return printable(redact(_cut(value)))


def _lines(value: str) -> str:
    return "\n".join(printable(line) for line in redact(_cut(value)).split("\n"))


def _cut(value: str) -> str:
    if len(value) <= _LONGEST_TEXT:
        return value
    return f"{value[:_LONGEST_TEXT]} [and {len(value) - _LONGEST_TEXT} characters more]"
