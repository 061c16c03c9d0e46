"""`azpay db key`, `recover` and `rekey`: the key that the book is encrypted with."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from azpay.cli.tables import Fields

if TYPE_CHECKING:
    from azpay.credentials import BookKeys, RootKey
    from azpay.db import Database


def key(
    ctx: typer.Context,
    reveal: Annotated[bool, typer.Option("--reveal", help="Also show the recovery key itself.")] = False,
    new: Annotated[bool, typer.Option("--new", help="Make a key, show it, and keep it nowhere.")] = False,
) -> None:
    """Which key the book is encrypted with, and where it is kept.

    Examples:

        azpay db key
        azpay db key --reveal        # to write the recovery key down
        azpay db key --new           # one for AZPAY_ENCRYPTION_KEY or a secret store

    The recovery key is the key itself: keep it where neither the book nor this machine's backups are.
    """
    from azpay.access import Action
    from azpay.cli import output, wiring

    if new:
        _show_new(ctx)
        return
    db, keys = wiring.book_of(ctx, Action.KEEP if reveal else None), _keys(ctx)
    ids = _in_use(db)
    recovery = db.ring.cipher(ids[0]).root.written if reveal else None
    shown = [
        ("Book", db.where),
        ("Key", ids[0]),
        ("Also in use", ", ".join(ids[1:])),
        ("Kept in", keys.where or ""),
        ("Recovery key", recovery or ""),
    ]
    data: dict[str, Any] = {"book": db.where, "key": ids[0], "in_use": ids, "kept_in": keys.where}
    output.emit(
        ctx,
        schema="azpay.db_key/1",
        data=data | ({"recovery_key": recovery} if reveal else {}),
        human=Fields([pair for pair in shown if pair[1]]),
    )


def _show_new(ctx: typer.Context) -> None:
    from azpay.cli import output
    from azpay.credentials import RootKey

    made = RootKey.make()
    data = {"key": made.id, "recovery_key": made.written}
    output.emit(ctx, schema="azpay.db_new_key/1", data=data, human=made.written)


def recover(ctx: typer.Context) -> None:
    """Bring back the book's key, from the recovery key that was written down.

    Examples:

        azpay db recover                          # asks for it, unseen
        pass show azpay/recovery | azpay db recover

    The key is tried on the book first, and then kept in the system's keyring or in a file that only you can
    read. It is never taken from the command line, where others could read it.
    """
    from azpay import audit
    from azpay.cli import acts, output

    root = _typed()
    in_use, keys = _tried(ctx, root), _keys(ctx)
    keys.adopt(root, first=root.id in in_use[:1] or not in_use)
    about = audit.About("key", root.id)
    acts.note_where_there_is_a_book(ctx, "key.recovered", about, {"kept_in": keys.where})
    output.emit(
        ctx,
        schema="azpay.db_recover/1",
        data={"key": root.id, "kept_in": keys.where, "opens_the_book": root.id in in_use},
        human=f"The key {root.id} is kept in {keys.where}. {_what_for(root, in_use)}",
    )


def _what_for(root: RootKey, in_use: list[str]) -> str:
    if root.id in in_use:
        return "It opens the book."
    return (
        "The book has another key by now: this one is for old backups." if in_use else "There is no book yet."
    )


def rekey(ctx: typer.Context) -> None:
    """Encrypt the book with another key, while it is in use.

    Examples:

        azpay db rekey
        AZPAY_ENCRYPTION_KEY=new,old azpay db rekey      # where the settings name the key

    Makes a new key, unless the settings name one in front of the old. Interrupted, the same command goes on
    where it was. The old key stays at hand for the backups made under it.
    """
    from azpay import audit, bootstrap
    from azpay.access import Action
    from azpay.cli import output, wiring
    from azpay.cli.progress import progress
    from azpay.db import rekeying

    db, keys = wiring.book_of(ctx, Action.KEEP), _keys(ctx)
    before = _in_use(db)
    root, made = _next_key(db, keys)
    if made:
        wiring.show_key(root, keys.where or "")
    with progress(ctx, "Encrypting", total=rekeying.waiting(db, root.id)) as advance:
        done = rekeying.rekey(db, root.id, follow=bootstrap.follow_a_rekey(), advance=advance)
    told: audit.Details = {"before": before, "rows": done.rows}
    audit.note(db, "book.rekeyed", audit.About("key", root.id), now=wiring.now_of(ctx), details=told)
    output.emit(
        ctx,
        schema="azpay.db_rekey/1",
        data={"book": db.where, "key": root.id, "before": before, "file": done.file, "rows": done.rows},
        human=f"The book is encrypted with the key {root.id}; {done.rows} rows were moved to it now.",
    )


def _next_key(db: Database, keys: BookKeys) -> tuple[RootKey, bool]:
    """The new key; the book's own where an earlier run has switched to it and not finished."""
    current, *others = _in_use(db)
    if others:
        return db.ring.cipher(current).root, False
    found = keys.renew(current)
    db.ring.reload()
    return found


def _in_use(db: Database) -> list[str]:
    """The ids of the keys in the book, the one that is written with first."""
    from azpay.db import book_keys

    with db.reading() as session:
        return [cipher.id for cipher in book_keys.in_use(session.connection())]


def _keys(ctx: typer.Context) -> BookKeys:
    from azpay import bootstrap
    from azpay.cli import wiring

    settings = wiring.unlocked_settings_of(ctx)
    return bootstrap.keys_of(settings, wiring.keeper_of(settings))


def _typed() -> RootKey:
    from getpass import getpass

    from azpay.credentials import RootKey

    asked = "Recovery key (not shown): "
    return RootKey.read(getpass(asked) if sys.stdin.isatty() else sys.stdin.readline())


def _tried(ctx: typer.Context, root: RootKey) -> list[str]:
    """The keys that the book needs; none when there is no book. Raises KeyMissing when they are not here."""
    from azpay.cli import wiring
    from azpay.db import Database, Ring, schema

    settings = wiring.unlocked_settings_of(ctx)
    db = Database.open(settings.database_url.reveal(), Ring.of(root, *_others(ctx)))
    ctx.call_on_close(db.close)
    if schema.is_not_made(db) or schema.has_no_key(db, schema.state(db)):
        return []
    return _in_use(db)


def _others(ctx: typer.Context) -> list[RootKey]:
    from azpay.credentials import RecoveryKeyUnreadable

    try:
        return _keys(ctx).find()
    except RecoveryKeyUnreadable:
        return []
