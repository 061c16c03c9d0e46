"""A file that holds one secret, as `AZPAY_…_FILE` names it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from azpay.settings.parsing import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OTHERS = 0o077
_LONGEST = 65_536


def mounts(env: Mapping[str, str]) -> list[Path]:
    """Where systemd and container engines put secrets. They guard the folder and choose the modes."""
    folders = [Path("/run/secrets")]
    if env.get("CREDENTIALS_DIRECTORY"):
        folders.append(Path(env["CREDENTIALS_DIRECTORY"]))
    return [folder.resolve() for folder in folders]


def read(name: str, *, base: Path, guarded: Sequence[Path]) -> str:
    """The secret, without the line end that editors add. Raises `ValueError` with the end of a sentence."""
    path = base / name
    try:
        text = _content(path, guarded)
    except OSError as failed:
        raise ValueError(f"names {quoted(name)}, which cannot be read: {failed.strerror}.") from failed
    except UnicodeDecodeError:
        raise ValueError(f"names {quoted(name)}, which is not UTF-8 text.") from None
    return text.removesuffix("\n").removesuffix("\r")


def _content(path: Path, guarded: Sequence[Path]) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"names {quoted(str(path))}, which is not a file.")
        if status.st_mode & OTHERS and not _guarded(path, guarded):
            raise ValueError(f"names {quoted(str(path))}, which others can read: chmod 600 it.")
        return file.read(_LONGEST).decode()


def _guarded(path: Path, folders: Sequence[Path]) -> bool:
    resolved = path.resolve()
    return any(resolved.is_relative_to(folder) for folder in folders)
