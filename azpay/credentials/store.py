"""The keyring first, then a private file, then what systemd mounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.credentials.keyrings import Keyring
from azpay.credentials.mounted import Mounted
from azpay.credentials.places import Label, PlaceUnavailable
from azpay.credentials.private_file import PrivateFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from keyring.backend import KeyringBackend

    from azpay.credentials.places import Place


class Credentials:
    """Finds and keeps keys. `notices` says why the keyring had to be passed over.

    Without a `backend` the system's keyring is used; `mounted` is the value of CREDENTIALS_DIRECTORY.
    """

    def __init__(
        self, folder: Path, *, backend: KeyringBackend | None = None, mounted: Path | None = None
    ) -> None:
        self._keyring = Keyring(backend)
        self._file = PrivateFile(folder)
        self._places: list[Place] = [self._keyring, self._file]
        if mounted is not None:
            self._places.append(Mounted(mounted))
        self._notices: dict[str, None] = {}

    @property
    def notices(self) -> tuple[str, ...]:
        return tuple(self._notices)

    def find(self, profile: str, name: str) -> str | None:
        found = self._found(Label(profile, name))
        return None if found is None else found[1]

    def find_cheaply(self, profile: str, name: str) -> str | None:
        """The same, without loading a keyring when a file has it: what is kept is in one place only."""
        found = self._found(Label(profile, name), [*self._places[1:], self._keyring])
        return None if found is None else found[1]

    def alone(self) -> AbstractContextManager[None]:
        """For as long as it lasts, no other process that asks for it looks and then stores."""
        return self._file.alone()

    def where(self, profile: str, name: str) -> str | None:
        """The place `find` takes it from, for a person to read."""
        found = self._found(Label(profile, name))
        return None if found is None else found[0].title

    def store(self, profile: str, name: str, value: str) -> str:
        """Keep it in one place only, and say which."""
        label = Label(profile, name)
        try:
            self._keyring.keep(label, value)
        except PlaceUnavailable as refusal:
            self._pass_over(self._keyring, refusal)
            self._file.keep(label, value)
            return self._file.title
        self._file.drop(label)
        return self._keyring.title

    def remove(self, profile: str, name: str) -> tuple[str, ...]:
        """The places it was removed from. What systemd mounts stays: it is not ours to remove."""
        label = Label(profile, name)
        dropped = []
        for place in (self._keyring, self._file):
            try:
                if place.drop(label):
                    dropped.append(place.title)
            except PlaceUnavailable as refusal:
                self._pass_over(place, refusal)
        return tuple(dropped)

    def _found(self, label: Label, places: Sequence[Place] | None = None) -> tuple[Place, str] | None:
        for place in self._places if places is None else places:
            try:
                value = place.find(label)
            except PlaceUnavailable as refusal:
                self._pass_over(place, refusal)
            else:
                if value is not None:
                    return place, value
        return None

    def _pass_over(self, place: Place, refusal: PlaceUnavailable) -> None:
        self._notices[f"{place.title} cannot be used: {refusal}."] = None
