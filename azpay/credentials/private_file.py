"""Credentials in a file that only its owner can read.

The file is made private before anything is written to it, and replaced as a whole, so a crash leaves the old
one or the new one. A file that others could have read or planted is refused, not repaired: the keys in it may
be known.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azpay.credentials.places import CredentialsRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpay.credentials.places import Label

_OTHERS = 0o077
_Profiles = dict[str, dict[str, str]]


class PrivateFile:
    def __init__(self, folder: Path) -> None:
        self._path = folder / "credentials.json"

    @property
    def title(self) -> str:
        return str(self._path)

    def find(self, label: Label) -> str | None:
        return self._read().get(label.profile, {}).get(label.name)

    def keep(self, label: Label, value: str) -> None:
        with _alone_in(self._path.parent):
            profiles = self._read()
            profiles.setdefault(label.profile, {})[label.name] = value
            self._write(profiles)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A lock of its own, so that `keep` may be called under it."""
        with _alone_in(self._path.parent, ".deciding.lock"):
            yield

    def drop(self, label: Label) -> bool:
        """Whether there was something to remove."""
        if self.find(label) is None:
            return False
        with _alone_in(self._path.parent):
            profiles = self._read()
            dropped = profiles.get(label.profile, {}).pop(label.name, None)
            self._write({profile: names for profile, names in profiles.items() if names})
        return dropped is not None

    def _read(self) -> _Profiles:
        try:
            profiles = json.loads(_private_text(self._path))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as broken:
            raise _refused(self._path, f"cannot be read ({type(broken).__name__})") from broken
        if not _well_formed(profiles):
            raise _refused(self._path, "is not a file of credentials")
        return profiles  # type: ignore[no-any-return]

    def _write(self, profiles: _Profiles) -> None:
        _replace(self._path.resolve(), json.dumps(profiles, indent=2, sort_keys=True) + "\n")


def _private_text(path: Path) -> str:
    link = path.lstat()
    if stat.S_ISLNK(link.st_mode) and link.st_uid != os.geteuid():
        raise _refused(path, "is a link that someone else made")
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            raise _refused(path, "is not a file of yours")
        if status.st_mode & _OTHERS:
            raise _refused(path, "can be read or written by others")
        return file.read().decode()


def _well_formed(profiles: Any) -> bool:
    return isinstance(profiles, dict) and all(
        isinstance(names, dict) and all(isinstance(value, str) for value in names.values())
        for names in profiles.values()
    )


def _refused(path: Path, reason: str) -> CredentialsRefused:
    return CredentialsRefused(
        f"{path} {reason}.",
        hint=f"Roll the keys in it in the Dashboard, remove {path}, and run `azpay login` again.",
    )


@contextmanager
def _alone_in(folder: Path, lock: str = ".credentials.lock") -> Iterator[None]:
    """One writer at a time, in a folder that is ours alone whatever the umask."""
    try:
        _make_private(folder)
        with _locked(folder / lock):
            yield
    except OSError as failed:
        raise CredentialsRefused(f"{folder} cannot be written: {failed.strerror}.") from failed


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make_private(folder: Path) -> None:
    for missing in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)


def _replace(path: Path, text: str) -> None:
    from tempfile import mkstemp  # never wider than 0600; a umask may have made it narrower

    descriptor, name = mkstemp(dir=path.parent, prefix=".credentials.")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o600)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
