"""Encrypting a book that was kept in clear: a whole copy beside it takes its place in one step.

For as long as it takes nobody else can open the file, so nothing is written that the copy does not have.
Killed at any point, one whole book stands under the name: the old one or the new.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from azpay.db import files, private
from azpay.db.files import Form, driver
from azpay.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from azpay.credentials import RootKey

ALONE = ("PRAGMA main.locking_mode=EXCLUSIVE", "PRAGMA journal_mode=DELETE", "BEGIN EXCLUSIVE", "COMMIT")
"""The lock of the third statement stays after the fourth."""


class BookInUse(Unavailable):
    """Another program has the book open."""

    code = "book_in_use"

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"The book at {file} is to be encrypted, and another program has it open.",
            hint="Stop `azpay serve` and whatever else uses it, then run `azpay db upgrade`.",
        )


def encrypt(file: Path, root: RootKey) -> bool:
    """Encrypt the file in place; False when there was nothing to do. Raises BookInUse."""
    if files.form(file) is not Form.PLAIN:
        return False
    connection = files.bare(file)
    try:
        _have_alone(connection, file)
        if files.form(file) is not Form.PLAIN:  # another program was first
            return False
        private.put(_copied(connection, file, root), file)
    finally:
        connection.close()
    return True


def _have_alone(connection: Any, file: Path) -> None:
    try:
        for statement in ALONE:
            connection.execute(statement)
    except driver.OperationalError as locked:
        raise BookInUse(file) from locked


def _copied(connection: Any, file: Path, root: RootKey) -> Path:
    """The whole book under the key, in a file beside it that a killed run may have left before."""
    draft = file.with_name(f"{file.name}.encrypting")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    (mark,) = connection.execute("PRAGMA main.application_id").fetchone()
    connection.execute("ATTACH ? AS encrypted KEY ?", (str(draft), files.spelled(root)))
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute("SELECT sqlcipher_export('encrypted')").fetchone()
    connection.execute(f"PRAGMA encrypted.application_id={int(mark)}")
    connection.execute("COMMIT")
    connection.execute("DETACH encrypted")
    return draft
