"""A SQLite book's file: SQLCipher under a key of its own, told from other files by its first bytes.

SQLCipher keeps a salt in the first sixteen bytes, in clear. Ours says that the file is a book of azpay's and
which root key it needs, so that a missing key can be named before anything is read. With a key of 256 random
bits the salt has no other work to do.

While a book is moved to a new key, its first bytes may still name the old one: the change is in the log
beside it. So a key that does not fit is followed by the others at hand.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DisconnectionError
from sqlcipher3 import dbapi2  # type: ignore[import-untyped]

from azpay.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from azpay.credentials import RootKey
    from azpay.db.ciphers import Cipher
    from azpay.db.ring import Ring

BUSY_SECONDS = 5
driver = dbapi2
MAGIC = b"azpy\x01"
HEAD_BYTES = 16
ID_AT = slice(len(MAGIC), len(MAGIC) + 4)
PLAIN = b"SQLite format 3\0"
UNREADABLE = "file is not a database"
"""What SQLCipher says of a wrong key and of a page that was changed alike."""


class BookDamaged(Unavailable):
    """The key is right, and still a part of the book's file does not open."""

    code = "book_damaged"

    def __init__(self, file: object) -> None:
        super().__init__(
            f"The book at {file} is damaged: a part of its file was changed by something other than azpay.",
            hint="Restore the newest backup; the runbook on damaged books has the steps.",
        )


class Form(StrEnum):
    """What a file is, by its first bytes."""

    EMPTY = "empty"
    PLAIN = "plain"
    ENCRYPTED = "encrypted"
    FOREIGN = "foreign"


def form(file: Path) -> Form:
    """A file that is not there is empty."""
    head = _head(file)
    if not head:
        return Form.EMPTY
    if head == PLAIN:
        return Form.PLAIN
    return Form.ENCRYPTED if head.startswith(MAGIC) else Form.FOREIGN


def head(root: RootKey) -> bytes:
    """A file's first bytes under this key."""
    return MAGIC + bytes.fromhex(root.id) + root.derive("file head")[: HEAD_BYTES - ID_AT.stop]


def spelled(root: RootKey) -> str:
    """The key and the salt as SQLCipher takes them. Whoever has it can read the file."""
    return f"x'{root.derive('file').hex()}{head(root).hex()}'"


def opener(file: Path, ring: Ring) -> Callable[[], Any]:
    """For `create_engine(creator=...)`. Raises KeyMissing, BookDamaged."""
    return lambda: connect(file, ring)


def connect(file: Path, ring: Ring) -> Any:
    """A connection that can read the file. A file in clear, or somebody else's, is opened as it is."""
    match form(file):
        case Form.EMPTY if ring.ciphers:
            return _keyed(file, ring.newest.root)
        case Form.ENCRYPTED:
            return _unlocked(file, ring)
        case _:
            return bare(file)


def bare(file: Path) -> Any:
    """A connection without a key."""
    connection = driver.connect(
        str(file), timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA cipher_log_level=NONE")
    return connection


def _keyed(file: Path, root: RootKey) -> Any:
    connection = bare(file)
    connection.execute(f'PRAGMA key="{spelled(root)}"')
    return connection


def _unlocked(file: Path, ring: Ring) -> Any:
    named = _head(file)[ID_AT].hex()
    for cipher in _likeliest_first(ring, named):
        connection = _keyed(file, cipher.root)
        if fits(connection):
            return connection
        connection.close()
    ring.cipher(named)  # raises when that key is not here
    raise BookDamaged(file)


def _likeliest_first(ring: Ring, named: str) -> Iterator[Cipher]:
    """The key that the file names, the others at hand, and what has come to hand meanwhile."""
    tried = sorted(ring.ciphers, key=lambda cipher: cipher.id != named)
    yield from tried
    yield from (cipher for cipher in ring.reload().values() if cipher not in tried)


def opens_with(file: Path, root: RootKey) -> bool:
    """Whether this very key opens the file."""
    connection = _keyed(file, root)
    try:
        return fits(connection)
    finally:
        connection.close()


def fits(connection: Any) -> bool:
    """Whether the first page opens. Any other trouble passes."""
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except driver.DatabaseError as error:
        if UNREADABLE in str(error):
            return False
        raise
    return True


def changed_pages(connection: Any) -> list[str]:
    """The pages of an encrypted file that something other than azpay has written, in SQLCipher's words."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    return [str(row[0]) for row in connection.execute("PRAGMA cipher_integrity_check")]


def is_keyed(connection: Any) -> bool:
    """Whether what it writes is encrypted. A file in clear is left as it is, its journal included."""
    return connection.execute("PRAGMA cipher_salt").fetchone() is not None


def still_fits(connection: Any, _record: object, _proxy: object) -> None:
    """A pool's connection whose key was changed by another process makes room for a new one."""
    if not fits(connection):
        raise DisconnectionError


def _head(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(HEAD_BYTES)
    except OSError:
        return b""
