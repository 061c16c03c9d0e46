"""Books as tests open them: all under the sandbox's key, so that programs of the sandbox profile can, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from azpay.credentials import RootKey
from azpay.db import Database, Ring, files
from azpay.settings.rules import SANDBOX_ENCRYPTION_KEY

ROOT = RootKey.read(SANDBOX_ENCRYPTION_KEY)


def a_ring() -> Ring:
    return Ring.of(ROOT)


def a_book(address: str) -> Database:
    return Database.open(address, a_ring())


def meddler(db: Database) -> Any:
    """A connection to the book's file beside its own, for what azpay itself would never do."""
    return files.connect(Path(str(db.engine.url.database)), a_ring())
