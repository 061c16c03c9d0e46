"""A value that does not print itself."""

from __future__ import annotations

import re

_STRIPE = re.compile(r"(?P<kind>(?:sk|rk|pk)_(?:test|live)_|whsec_)(?P<rest>.*)", re.DOTALL)
_PASSWORD = re.compile(r"(?P<before>^[a-z0-9+]+://[^:/@]*:).*(?=@)", re.DOTALL)
_PARAMETER = re.compile(r"(?P<before>(?i:password|passfile|key)=)[^&]*")
_ENOUGH_TO_SHOW_AN_END = 12


class Secret:
    """Shows what kind it is and how it ends (`sk_test_…cdef`), and nothing more until asked to `reveal`."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        if not value:
            raise ValueError("is empty")
        self.__value = value

    def reveal(self) -> str:
        return self.__value

    def __str__(self) -> str:
        return masked(self.__value)

    def __repr__(self) -> str:
        return f"Secret({masked(self.__value)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.__value == other.__value

    def __hash__(self) -> int:
        return hash((Secret, self.__value))


def masked(value: str) -> str:
    """A Stripe key by its kind and its end, a URL without its password, anything else as an ellipsis."""
    stripe = _STRIPE.fullmatch(value)
    if stripe is not None:
        end = stripe["rest"][-4:] if len(stripe["rest"]) >= _ENOUGH_TO_SHOW_AN_END else ""
        return f"{stripe['kind']}…{end}"
    if "://" in value:
        return _PARAMETER.sub(r"\g<before>…", _PASSWORD.sub(r"\g<before>…", value))
    return "…"
