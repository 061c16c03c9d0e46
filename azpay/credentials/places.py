from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from azpay.errors import NotAllowed, Usage

_WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class CredentialsRefused(NotAllowed):
    """A file of credentials that someone else may have read or written."""

    code = "credentials_refused"


class PlaceUnavailable(Exception):
    """This place cannot be used now; another may."""


@dataclass(frozen=True, slots=True)
class Label:
    """One credential of one profile. Both words end up in file names, so both are plain."""

    profile: str
    name: str

    def __post_init__(self) -> None:
        for word in (self.profile, self.name):
            if _WORD.fullmatch(word) is None:
                raise Usage(f"{word[:40]!a} cannot name a credential.", hint="Use a-z, 0-9, - and _.")


class Place(Protocol):
    """Somewhere credentials are found. `find` may raise `PlaceUnavailable`."""

    @property
    def title(self) -> str: ...

    def find(self, label: Label) -> str | None: ...
