"""The operating system's keyring, where there is one.

A headless machine has none, a locked one refuses, and `null` accepts everything and keeps nothing. Each back
end raises the errors of its own library, so any error here means the same: not this place.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from azpay.credentials.places import PlaceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyring.backend import KeyringBackend

    from azpay.credentials.places import Label

_SERVICE = "azpay"


class Keyring:
    title = "the keyring"

    def __init__(self, backend: KeyringBackend | None = None) -> None:
        self._chosen = backend

    def find(self, label: Label) -> str | None:
        with _usable():
            return self._backend().get_password(_SERVICE, _user(label))

    def keep(self, label: Label, value: str) -> None:
        with _usable():
            self._backend().set_password(_SERVICE, _user(label), value)
        if self.find(label) != value:
            raise PlaceUnavailable("it did not keep what it was given")

    def drop(self, label: Label) -> bool:
        """Whether there was something to remove."""
        if self.find(label) is None:
            return False
        with _usable():
            self._backend().delete_password(_SERVICE, _user(label))
        return True

    def _backend(self) -> KeyringBackend:
        if self._chosen is None:
            import keyring  # 100 ms, and most commands find their key elsewhere

            self._chosen = keyring.get_keyring()
        return self._chosen


@contextmanager
def _usable() -> Iterator[None]:
    """Names the error and not its text, which might quote what was to be kept."""
    try:
        yield
    except Exception as refusal:
        raise PlaceUnavailable(type(refusal).__name__) from None


def _user(label: Label) -> str:
    return f"{label.profile}/{label.name}"
