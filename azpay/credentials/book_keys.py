"""The root keys of a profile's book: those that are set, else those that are kept here.

A new key is stored before anything is encrypted under it, and only one is made when several programs start at
once. Old keys stay at hand behind the new one, since backups made under them still need them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.credentials.root_key import RecoveryKeyUnreadable, RootKey
from azpay.errors import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.credentials.store import Credentials

NAME = "encryption-key"
SET = "AZPAY_ENCRYPTION_KEY"
MOST = 8


class KeyIsSet(NotAllowed):
    """The settings name the book's key, so azpay neither makes nor changes it."""

    code = "encryption_key_is_set"

    def __init__(self) -> None:
        super().__init__(
            "The book's key stands in the settings, so it is changed there.",
            hint=f"Write the new key in front of the old one ({SET}=new,old), then run `azpay db rekey`.",
        )


class NowhereToKeepKeys(NotAllowed):
    """A key is needed, none is set, and nothing that keeps keys was given."""

    code = "nowhere_to_keep_keys"

    def __init__(self) -> None:
        super().__init__("There is no key to encrypt the book with.", hint=f"Set {SET}.")


class BookKeys:
    """Where a profile's root keys come from. `given` are those of the settings, the newest first."""

    def __init__(
        self, profile: str, *, given: Sequence[str] = (), credentials: Credentials | None = None
    ) -> None:
        self.profile = profile
        self._given = tuple(given)
        self._credentials = credentials

    @property
    def are_set(self) -> bool:
        """Whether the settings name them."""
        return bool(self._given)

    @property
    def where(self) -> str | None:
        """The place they come from, for people."""
        if self._given:
            return SET
        return self._credentials.where(self.profile, NAME) if self._credentials else None

    def find(self) -> list[RootKey]:
        """Those at hand, the newest first. Raises RecoveryKeyUnreadable."""
        if self._given:
            return [RootKey.read(text) for text in self._given]
        if self._credentials is None:
            return []
        kept = self._credentials.find_cheaply(self.profile, NAME)
        return [RootKey.read(text) for text in (kept or "").split()]

    def establish(self) -> RootKey | None:
        """Make and keep a first key; None when there is one, perhaps made by another program meanwhile."""
        if self._given:
            return None
        with self._keeper.alone():
            return None if self.find() else self._added(RootKey.make(), [])

    def renew(self, before: str) -> tuple[RootKey, bool]:
        """The key to come after the one with this id, and whether it was made now.

        One that stands in front already, since an earlier run was interrupted or the settings name it, is it.
        Raises KeyIsSet when only the settings could name it.
        """
        found = self.find()
        if found and found[0].id != before:
            return found[0], False
        if self._given:
            raise KeyIsSet
        with self._keeper.alone():
            found = self.find()
            if found and found[0].id != before:
                return found[0], False
            return self._added(RootKey.make(), found), True

    def adopt(self, root: RootKey, *, first: bool) -> None:
        """Keep a key that a person brought back, in front of the others or behind. Raises KeyIsSet."""
        if self._given:
            raise KeyIsSet
        with self._keeper.alone():
            others = [each for each in self._readable() if each != root]
            self._keep([root, *others] if first else [*others, root])

    def _readable(self) -> list[RootKey]:
        try:
            return self.find()
        except RecoveryKeyUnreadable:
            return []

    def _added(self, root: RootKey, before: Sequence[RootKey]) -> RootKey:
        self._keep([root, *before])
        return root

    def _keep(self, roots: Sequence[RootKey]) -> None:
        self._keeper.store(self.profile, NAME, " ".join(each.written for each in roots[:MOST]))

    @property
    def _keeper(self) -> Credentials:
        if self._credentials is None:
            raise NowhereToKeepKeys
        return self._credentials
