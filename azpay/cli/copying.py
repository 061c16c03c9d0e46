"""`azpay db copy`."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection, MetaData, Table

    from azpay.db import Database
    from azpay.db.copying import Plan
    from azpay.db.rows import Extent, Values

Place = "sqlite:////path/to/book.db, a file, or postgresql://user@host/name."


def copy(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=f"The book: {Place}")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Where to, written in the same way.")],
    restart: Annotated[
        bool, typer.Option("--restart", help="Empty an unfinished copy first, and begin anew.")
    ] = False,
) -> None:
    """Move the book to another store: SQLite to PostgreSQL, or back.

    Examples:

        azpay db copy ~/.local/share/azpay/default.db postgresql://azpay@db/azpay
        azpay db copy postgresql://azpay@db/azpay ./book.db

    Stop what uses the book first. The target must be empty; nothing is changed in the source. Killed, the
    same command goes on where it ended. At the end every table is read again on both sides and compared, and
    only then the target is a book. A password comes from PGPASSWORD or ~/.pgpass, not from here.
    """
    from azpay.access import Action
    from azpay.cli import wiring
    from azpay.cli.progress import progress
    from azpay.db import copying

    wiring.require(ctx, Action.KEEP)
    plan = _plan()
    with _books(ctx, source, target) as (here, there):
        if restart:
            copying.restart(there, _tables())
        copying.prepare(here, there, plan)
        with progress(ctx, "Copying", total=copying.size(here, plan)) as advance:
            copying.copy(here, there, plan, advance=advance)
        with progress(ctx, "Comparing tables", total=len(plan.tables)) as advance:
            found = _compared(here, there, plan, advance)
        different = [name for name, ours, theirs in found if ours != theirs]
        if different:
            raise copying.CopyDiffers(different)
        copying.finish(there)
        _record(ctx, here, there, found)
        _answer(ctx, there, found)


Found = list[tuple[str, "Extent", "Extent"]]


def _compared(here: Database, there: Database, plan: Plan, advance: Callable[[int], None]) -> Found:
    from azpay.db import copying

    found = []
    for each in copying.compare(here, there, plan):
        found.append(each)
        advance(1)
    return found


def _record(ctx: typer.Context, here: Database, there: Database, found: Found) -> None:
    """In the copy: nothing is changed in the source."""
    from azpay import audit
    from azpay.cli import wiring

    told: audit.Details = {"source": here.where, "rows": sum(ours.rows for _, ours, _ in found)}
    _, actor = wiring.guards_of(ctx)
    about, now = audit.About("book", there.where), wiring.now_of(ctx)
    audit.note(there.by(actor), "book.copied", about, now=now, details=told)


def _answer(ctx: typer.Context, there: Database, found: Found) -> None:
    from azpay.cli import output
    from azpay.cli.tables import Column, Table

    columns = [Column("Table"), Column("Rows", right=True), Column("SHA-256 of what they say", drop=1)]
    output.emit(
        ctx,
        schema="azpay.db_copy/1",
        data={
            "book": there.where,
            "tables": [{"table": name, "rows": ours.rows, "digest": ours.digest} for name, ours, _ in found],
        },
        human=Table(columns, [[name, str(ours.rows), ours.digest] for name, ours, _ in found]),
    )
    output.say(ctx, f"Both sides are the same. Next: set AZPAY_DATABASE_URL to {there.where}")


@contextmanager
def _books(ctx: typer.Context, source: str, target: str) -> Iterator[tuple[Database, Database]]:
    """Both, under the profile's keys."""
    from azpay.cli import wiring
    from azpay.db import Database

    _require_two(_address(source), _address(target))
    _require_file(_address(source))
    here = Database.open(_address(source), wiring.ring_of(ctx))
    there = Database.open(_address(target), wiring.ring_of(ctx))
    try:
        yield here, there
    finally:
        here.close()
        there.close()


def _address(typed: str) -> str:
    from azpay.errors import Usage

    if "://" not in typed:
        return f"sqlite:///{Path(typed).expanduser().absolute()}"
    userinfo = typed.partition("://")[2].rpartition("@")[0]
    if userinfo.partition(":")[2]:
        raise Usage(
            "A password does not belong on a command line, where every user of the machine can read it.",
            hint="Leave it out of the address; set PGPASSWORD, or keep it in ~/.pgpass.",
        )
    return typed


def _require_two(source: str, target: str) -> None:
    from azpay.errors import Usage

    if source == target:
        raise Usage("SOURCE and TARGET are the same.", hint="Name the book first, then an empty place.")


def _require_file(source: str) -> None:
    """A book that is looked for is not made by looking."""
    from azpay.errors import Usage

    prefix = "sqlite:///"
    if source.startswith(prefix) and not Path(source.removeprefix(prefix)).is_file():
        raise Usage(f"There is no file {source.removeprefix(prefix)}.", hint="SOURCE is the book to copy.")


def _plan() -> Plan:
    from azpay.db import copying
    from azpay.payments.searching import PaymentWord

    return copying.plan(_tables(), derived=[str(PaymentWord.__tablename__)], follow=_follow)


def _follow(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    """The words that find a payment are under the book's key: they are written anew."""
    from azpay.payments import searching

    if table.name == "payments":
        searching.index_rows(connection, rows)


def _tables() -> MetaData:
    from azpay import bootstrap

    return bootstrap.tables()
