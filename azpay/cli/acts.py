"""Writing down what a command does outside the book: keys, backups, endpoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from azpay.errors import AzpayError

if TYPE_CHECKING:
    import typer

    from azpay.audit import About, Details
    from azpay.db import Database
    from azpay.settings import Settings

FILE = "sqlite:///"


def note_where_there_is_a_book(ctx: typer.Context, action: str, about: About, details: Details) -> None:
    """Record it if the profile has a book by now. What was done is done: trouble here is a warning."""
    from azpay import audit
    from azpay.cli import output, wiring

    try:
        book = _book(ctx)
        if book is not None:
            audit.note(book, action, about, now=wiring.now_of(ctx), details=details)
    except AzpayError as trouble:
        output.warn(f"This was not written into the audit log: {trouble.message}")


def _book(ctx: typer.Context) -> Database | None:
    """One that is there and current; looking makes none."""
    from azpay.bootstrap import Azpay
    from azpay.cli import wiring
    from azpay.db import schema

    if isinstance(ctx.obj, Azpay):
        return ctx.obj.db
    settings = wiring.unlocked_settings_of(ctx)
    if _is_not_made(settings):
        return None
    book = wiring.book_as_it_is(ctx, settings)
    return book if schema.state(book) is schema.State.CURRENT else None


def _is_not_made(settings: Settings) -> bool:
    address = settings.database_url.reveal()
    file = Path(address.removeprefix(FILE))
    return address.startswith(FILE) and not (file.is_file() and file.stat().st_size)
