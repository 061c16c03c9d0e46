"""Files that only their owner reads, and that are either whole or not there."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from azpay.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

DRAFT, SUM = ".azpay-draft-", ".sha256"
STALE_SECONDS = 24 * 60 * 60
CHUNK = 1 << 20


class FolderUnusable(Unavailable):
    """A folder cannot be written to, or is full."""

    code = "folder_unusable"

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            f"{folder} cannot be written to: {error.strerror}.",
            hint="Check the folder, who may write there, and the room on its disk.",
        )


@contextmanager
def draft(folder: Path) -> Iterator[Path]:
    """A new empty file in the folder, gone at the end unless it was moved. The folder is made if need be."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear_stale(folder)
        handle, name = tempfile.mkstemp(prefix=DRAFT, dir=folder)
    except OSError as error:
        raise FolderUnusable(folder, error) from error
    os.close(handle)
    try:
        yield Path(name)
    finally:
        for left in (name, f"{name}-wal", f"{name}-shm", f"{name}-journal"):
            Path(left).unlink(missing_ok=True)


def copy(source: Path, target: Path) -> None:
    """The bytes of one file into another that is there already, kept when the power fails."""
    try:
        with source.open("rb") as read, target.open("wb") as written:
            shutil.copyfileobj(read, written, CHUNK)
        sync(target)
    except OSError as error:
        raise FolderUnusable(target.parent, error) from error


def put(made: Path, file: Path) -> None:
    """Give a finished file its name, in one step that survives a power cut."""
    sync(made)
    made.replace(file)
    sync(file.parent)


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest(file: Path) -> str:
    with file.open("rb") as read:
        return hashlib.file_digest(read, "sha256").hexdigest()


def sum_of(file: Path) -> Path:
    """The file beside it that holds its SHA-256, as `sha256sum -c` reads it."""
    return file.with_name(file.name + SUM)


def _clear_stale(folder: Path) -> None:
    """What a run that was killed left here a day ago or longer."""
    for left in folder.glob(f"{DRAFT}*"):
        if time.time() - left.stat().st_mtime > STALE_SECONDS:
            left.unlink(missing_ok=True)
