"""`azpay db backup` and `azpay db restore`."""

from __future__ import annotations

import shutil
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from azpay.cli.options import Yes

if TYPE_CHECKING:
    from datetime import datetime

    from azpay.audit import Head
    from azpay.db import Database
    from azpay.db.backups import Backup
    from azpay.db.schema import Check

LOOK_BACK = timedelta(days=35)
"""What was authorized this long before a backup may have been captured or refunded after it."""
PROOFS = {
    "restored": "restored to a scratch place and found sound",
    "read": "read to its end; this role may not create a database to restore it in",
}


def backup(
    ctx: typer.Context,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="DIR|-", help="Where to; - is stdout. Else into the data folder."),
    ] = None,
    keep: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Then remove all but the newest N of this book.")
    ] = None,
) -> None:
    """Back up the book while everything runs, and prove the backup by restoring it.

    Examples:

        azpay db backup                          # into the data folder
        azpay db backup --to /mnt/safe --keep 14 # from cron
        azpay db backup --to - > book.backup

    The backup is encrypted as the book is: keep the recovery key too, and not beside it. A book in PostgreSQL
    is backed up by pg_dump, which must be installed.
    """
    from azpay.cli import wiring

    _refuse_two_answers(ctx, to, keep)
    wiring.require(ctx, None)
    db, now = wiring.book_itself(ctx), wiring.now_of(ctx)
    if to == "-":
        _record(db, _stream(ctx, db), now)
        return
    folder = Path(to) if to is not None else wiring.unlocked_settings_of(ctx).data_dir / "backups"
    from azpay.db import backups

    made = backups.take(db, folder.absolute(), now=now, prove=prove)
    _record(db, made, now)
    removed = backups.prune(db, folder.absolute(), keep=keep) if keep is not None else []
    _answer(ctx, made, removed)


def restore(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `azpay db backup` wrote.")],
    yes: Yes = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also when what stands in its place cannot be opened.")
    ] = False,
) -> None:
    """Put a backup in the place of the book, which is kept aside.

    Examples:

        azpay db restore backups/default-20260302T020000.000Z.db
        azpay db restore book.dump --yes

    Stop everything that uses the book first. What happened after the backup is at Stripe: `azpay reconcile
    --plan` names it, and `azpay reconcile apply` fills it in.
    """
    from azpay.access import Action
    from azpay.cli import output, prompts, wiring
    from azpay.db import restoring

    wiring.require(ctx, Action.KEEP)
    db, now = wiring.book_itself(ctx), wiring.now_of(ctx)
    if not restoring.is_empty(db):
        prompts.confirm(f"Put {file.name} in the place of the book at {db.where}?", yes=yes or force)
    before = _head(db)
    done = restoring.restore(db, file.absolute(), now=now, prove=prove, force=force)
    _record_return(db, file, before, now)
    since = _taken_about(db, now) - LOOK_BACK
    data = {"book": db.where, "from": str(file), "aside": done.aside and str(done.aside)}
    kept = f" The one before is {done.aside}." if done.aside else ""
    output.emit(ctx, schema="azpay.db_restore/1", data=data, human=f"Restored {db.where}.{kept}")
    output.say(ctx, f"Next: azpay reconcile --since {since:%Y-%m-%d} --plan repairs.json")


def prove(book: Database) -> list[Check]:
    """What must be right with a book before a backup of it counts."""
    from azpay.db import schema
    from azpay.db.soundness import soundness
    from azpay.payments import checks

    state = schema.state(book)
    found = soundness(book)
    if state is schema.State.CURRENT:
        return [*found, *checks.sums(book)]
    return [*found, schema.Check("tables", [] if state is schema.State.BEHIND else [f"the book is {state}"])]


def _taken_about(db: Database, now: Any) -> Any:
    """When the newest payment of the book was made: what came later, the book does not know."""
    from azpay import payments
    from azpay.db import schema

    if schema.state(db) is not schema.State.CURRENT:
        return now
    newest = payments.history(db, payments.Query(limit=1)).payments
    return newest[0].created_at if newest else now


def _refuse_two_answers(ctx: typer.Context, to: str | None, keep: int | None) -> None:
    from azpay.cli.options import globals_of
    from azpay.errors import Usage

    if to != "-":
        return
    if keep is not None or globals_of(ctx).json:
        raise Usage(
            "--to - writes the backup to stdout, and nothing else.", hint="Leave --keep and --json out."
        )
    if sys.stdout.isatty():
        raise Usage(
            "A backup is not for a terminal.", hint="Send it to a file: azpay db backup --to - > FILE"
        )


def _record(db: Database, made: Backup, now: datetime) -> None:
    """In the book that was backed up, and so not in its backup."""
    from azpay import audit
    from azpay.db import schema

    if schema.state(db) is schema.State.CURRENT:
        told: audit.Details = {"bytes": made.bytes, "sha256": made.sha256, "proof": made.proof}
        audit.note(db, "book.backed_up", audit.About("backup", made.file.name), now=now, details=told)


def _record_return(db: Database, file: Path, before: Head | None, now: datetime) -> None:
    """In the book that took the other's place, with how far the chain of that one had come."""
    from azpay import audit
    from azpay.db import private, schema

    if schema.state(db) is schema.State.CURRENT:
        told = {"sha256": private.digest(file), "head_before": None if before is None else str(before)}
        audit.note(db, "book.restored", audit.About("backup", file.name), now=now, details=told)


def _head(db: Database) -> Head | None:
    """As far as it can be read: what is replaced may be damaged."""
    from sqlalchemy.exc import DatabaseError

    from azpay import audit
    from azpay.db import schema
    from azpay.errors import AzpayError

    try:
        found = audit.head(db) if schema.state(db) is schema.State.CURRENT else None
    except (AzpayError, DatabaseError):
        return None
    return None if found is None else found[0]


def _stream(ctx: typer.Context, db: Database) -> Backup:
    """Made and proved beside the data first: nothing is sent of a backup that cannot be used."""
    import tempfile

    from azpay.cli import output, wiring
    from azpay.db import backups

    data = wiring.unlocked_settings_of(ctx).data_dir
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data, prefix=".azpay-backup-") as folder:
        made = backups.take(db, Path(folder), now=wiring.now_of(ctx), prove=prove)
        with made.file.open("rb") as read:
            shutil.copyfileobj(read, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    output.say(ctx, f"{made.bytes} bytes, SHA-256 {made.sha256}; {PROOFS[made.proof]}.")
    return made


def _answer(ctx: typer.Context, made: Backup, removed: list[Path]) -> None:
    from azpay.cli import output
    from azpay.cli.tables import Fields

    data = {
        "file": str(made.file),
        "bytes": made.bytes,
        "sha256": made.sha256,
        "proof": made.proof,
        "removed": [str(file) for file in removed],
    }
    pairs = [("Backup", str(made.file)), ("Bytes", str(made.bytes)), ("SHA-256", made.sha256)]
    pairs += [("Proof", PROOFS[made.proof])]
    pairs += [("Removed", ", ".join(file.name for file in removed))] if removed else []
    output.emit(ctx, schema="azpay.db_backup/1", data=data, human=Fields(pairs))
