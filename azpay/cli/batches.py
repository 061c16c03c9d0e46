"""`azpay charge --file`, `azpay refund --file` and `azpay batches`."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, NamedTuple, TypeAlias

import typer

from azpay.cli import batch_options
from azpay.cli.batch_options import Results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from azpay.bootstrap import Azpay
    from azpay.errors import AzpayError
    from azpay.money import Money
    from azpay.payments.batches import Batch, BatchKind, File, Prepared, Tally, Terms

    Agree: TypeAlias = Callable[[Azpay, Sequence[Money], int], None]

INTERRUPTED = 130
STDIN = "-"


class Asked(NamedTuple):
    """What the command was given beside --file, and what holds for every row. Rows know the rest."""

    path: str
    kind: BatchKind
    terms: Terms
    new_batch: bool

    def file(self, content: IO[bytes]) -> File:
        from azpay.payments import batches

        name = None if self.path == STDIN else Path(self.path).name
        return batches.File(content, self.kind, self.terms, name, self.new_batch)


def run_file(ctx: typer.Context, kind: str, agree: Agree) -> None:
    """Check the whole file, then move it row by row, or only show what it comes to: `--file`, of `charge`
    and of `refund`. `agree` asks a person, or raises, before anything moves.
    """
    from azpay.cli import batch_results

    given = ctx.params
    form = batch_results.place(given["results"], given["file"])
    asked = _asked(given, kind)
    if given["plan"]:
        _show_plan(ctx, asked)
        return
    azpay, batch = _begun(ctx, asked, agree)
    with _stoppable(ctx) as stop:
        trouble = _run(ctx, azpay, batch, asked.terms, at_once=given["at_once"] or 4, stop=stop)
    tally = batch_results.tell(ctx, azpay.db, batch, form=form, trouble=trouble)
    _leave(ctx, tally, trouble, stopped=stop.is_set())


def _asked(given: Mapping[str, Any], kind: str) -> Asked:
    from azpay.payments.batches import COLUMNS, BatchKind, Terms

    of = BatchKind(kind)
    batch_options.go_with_a_file(given, COLUMNS[of].known)
    terms = {each.name: given[each.name] for each in fields(Terms) if each.name in given}
    return Asked(given["file"], of, Terms(**terms), given["new_batch"])


def _show_plan(ctx: typer.Context, asked: Asked) -> None:
    from azpay.cli import batch_results, wiring
    from azpay.payments import batches

    db, (guards, _) = wiring.book_of(ctx), wiring.guards_of(ctx)
    with _taken(asked.path) as content:
        prepared = batches.prepare(db, asked.file(content), now=wiring.now_of(ctx), guards=guards)
        batch_results.show_plan(ctx, db, prepared)


def _begun(ctx: typer.Context, asked: Asked, agree: Agree) -> tuple[Azpay, Batch]:
    from azpay.access import Action
    from azpay.cli import wiring
    from azpay.payments import batches

    with _taken(asked.path) as content:
        azpay = wiring.azpay_of(ctx, Action(asked.kind))
        prepared = batches.prepare(azpay.db, asked.file(content), now=azpay.now(), guards=azpay.guards)
        _announce(ctx, azpay, prepared, agree)
        return azpay, batches.begin(azpay.db, prepared, now=azpay.now())


def _announce(ctx: typer.Context, azpay: Azpay, prepared: Prepared, agree: Agree) -> None:
    """Say how much is about to move, and ask for it."""
    from azpay.cli import output
    from azpay.money import Money

    left = prepared.to_move(azpay.db)
    totals = [Money(amount, currency) for currency, (_, amount) in left.items()]
    rows = sum(count for count, _ in left.values())
    if prepared.batch is not None:
        output.say(
            ctx, f"Going on with {prepared.batch.id}: {rows:,} of {prepared.found.rows:,} rows are left."
        )
    verb = prepared.file.kind.capitalize()
    for total in totals:
        count = left[total.currency][0]
        output.say(ctx, f"{verb} {total.echo()} in {count:,} {'row' if count == 1 else 'rows'}")
    if totals:
        agree(azpay, totals, rows)


def _run(
    ctx: typer.Context, azpay: Azpay, batch: Batch, terms: Terms, *, at_once: int, stop: threading.Event
) -> AzpayError | None:
    from azpay.cli.progress import progress
    from azpay.payments import batches

    left = sum(count for count, _ in batches.unfinished(azpay.db, batch.id).values())
    with progress(ctx, f"Running {batch.id}", total=left, remaining=True) as advance:
        pace = batches.Pace(azpay.now, at_once=at_once, stop=stop, progress=advance)
        return batches.run(azpay.db, azpay.gateway, batch, terms, pace=pace, guards=azpay.guards)


@contextmanager
def _stoppable(ctx: typer.Context) -> Iterator[threading.Event]:
    """Ctrl-C lets the rows in flight end; a second one does not wait for them."""
    from azpay.cli import output

    stop = threading.Event()

    def interrupted(_number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        output.say(ctx, "Stopping when the rows in flight have ended.")

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _taken(file: str) -> Iterator[IO[bytes]]:
    from azpay.errors import Usage
    from azpay.payments.batches import taken

    if file == STDIN:
        with taken(sys.stdin.buffer) as content:
            yield content
        return
    if "\0" in file or not Path(file).exists() or Path(file).is_dir():
        raise Usage(f"There is no file {file}.", hint="Name a CSV or NDJSON file, or - for stdin.")
    with Path(file).open("rb") as source, taken(source) as content:
        yield content


def _leave(ctx: typer.Context, tally: Tally, trouble: AzpayError | None, *, stopped: bool) -> None:
    """With the status of the worst; what to do about it was said."""
    from azpay.cli import output
    from azpay.payments.batches import RowState

    waiting = RowState.PLANNED in tally
    if trouble is not None:
        output.warn(f"Stopped: {trouble.message}" + (f"\n  Next: {trouble.hint}" if trouble.hint else ""))
    if waiting or RowState.UNKNOWN in tally:
        output.say(ctx, "The same command again goes on with the rest; no row is moved twice.")
    status = exit_status(tally, trouble, interrupted=stopped and waiting)
    if status:
        raise typer.Exit(status)


def exit_status(tally: Tally, trouble: AzpayError | None, *, interrupted: bool) -> int:
    """The first that fits: interrupted, not over, what stopped it, refused, failed, declined, done."""
    from azpay.cli import failures
    from azpay.payments.batches import RowState

    if interrupted:
        return INTERRUPTED
    if RowState.UNKNOWN in tally or RowState.PENDING in tally:
        return 8
    if trouble is not None:
        return failures.exit_status(trouble)
    order = {RowState.PLANNED: 8, RowState.REFUSED: 6, RowState.FAILED: 1, RowState.DECLINED: 3}
    return next((status for state, status in order.items() if state in tally), 0)


def listing(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="How many.")] = 20,
) -> None:
    """Files that were run, newest first.

    Examples:

        azpay batches list
        azpay batches list --limit 100 --json

    "Left" counts rows that were not begun, or whose outcome is not known: the same file again goes on with
    them.
    """
    from azpay.cli import batch_results, wiring

    batch_results.show_batches(ctx, wiring.book_of(ctx), limit=limit, zone=wiring.zone_of(ctx))


def show(
    ctx: typer.Context,
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="A bat_… id.")],
    results: Results = None,
) -> None:
    """What became of each row of a file, as the book has it now.

    Examples:

        azpay batches show bat_1m836k765br9nv7pb6
        azpay batches show bat_1m836k765br9nv7pb6 --results results.csv

    Events may have settled since what the run left pending. Nothing is asked of Stripe.
    """
    from azpay.cli import batch_results, wiring
    from azpay.payments import batches

    form = batch_results.place(results, None)
    db = wiring.book_of(ctx)
    batch_results.tell(ctx, db, batches.one(db, batch), form=form, trouble=None)
