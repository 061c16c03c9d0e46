"""Putting a receipt where it was asked for, whole or not at all, and over nothing that is in the way."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from azpay.errors import Refused, Usage


class FileInTheWay(Refused):
    """Something else has that name already. It was left as it is."""

    code = "file_in_the_way"

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"{file} exists and is something else.", hint="--force replaces it; -o writes to another name."
        )


class NotAFile(Usage):
    """What was named cannot be written to as a file."""

    code = "not_a_file"


def save(pdf: bytes, file: Path, *, force: bool = False) -> None:
    """Write it, readable by its owner alone. A file that holds these very bytes is left as it is.

    Raises NotAFile for a folder, a link or a missing folder, and FileInTheWay unless `force`.
    """
    _check(file)
    if _holds(file, pdf):
        return
    handle, made = tempfile.mkstemp(prefix=".azpay-", dir=file.parent)
    draft = Path(made)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(pdf)
            out.flush()
            os.fsync(out.fileno())
        _put(draft, file, force=force)
    finally:
        draft.unlink(missing_ok=True)


def _check(file: Path) -> None:
    if "\0" in str(file):
        raise NotAFile("A file's name cannot contain a NUL character.")
    if file.is_symlink():
        raise NotAFile(f"{file} is a link.", hint="Name the file itself.")
    if file.is_dir():
        raise NotAFile(f"{file} is a folder.", hint=f"Name a file in it, such as {file / 'receipt.pdf'}.")
    if file.exists() and not file.is_file():
        raise NotAFile(f"{file} is not an ordinary file.", hint="Use `-o -` to write to a pipe.")
    if not file.parent.is_dir():
        raise NotAFile(f"There is no folder {file.parent}.", hint="Make it first, or name another.")


def _holds(file: Path, pdf: bytes) -> bool:
    return file.exists() and file.stat().st_size == len(pdf) and file.read_bytes() == pdf


def _put(draft: Path, file: Path, *, force: bool) -> None:
    """Give the finished draft its name: a link, unlike a rename, fails when the name is taken."""
    if force:
        draft.replace(file)
        return
    try:
        os.link(draft, file)
    except FileExistsError:
        raise FileInTheWay(file) from None
