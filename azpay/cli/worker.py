"""`azpay worker`: the worker alone."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from azpay.bootstrap import Azpay
    from azpay.inbox import Progress
    from azpay.operations import Resolved
    from azpay.worker import Reins

GONE_SECONDS = 9.0


def worker(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Do what is due now, then end.")] = False,
) -> None:
    """Apply what Stripe told us, until told to stop.

    Examples:

        azpay worker            # beside `azpay serve --no-worker`
        azpay worker --once     # from cron

    Several may work on one book. SIGTERM and Ctrl-C stop it within ten seconds, with exit status 143 and 130.
    """
    from azpay import logs, worker
    from azpay.access import WORKER
    from azpay.cli import wiring

    azpay = wiring.azpay_of(ctx).by(WORKER)
    logs.configure(azpay.settings.log_format, azpay.settings.log_level, sys.stderr)
    reins = worker.Reins()
    with _stopped_by_signals(reins) as told:
        if once:
            _show(ctx, worker.drain(azpay, reins), worker.resolve_due(azpay, reins))
        else:
            _work(ctx, azpay, reins)
    if told:
        raise typer.Exit(128 + told[0])


def _work(ctx: typer.Context, azpay: Azpay, reins: Reins) -> None:
    from azpay import worker
    from azpay.cli import output
    from azpay.cli.options import globals_of

    output.say(ctx, f"Working on {azpay.db.where}.")
    if globals_of(ctx).json:
        output.write_document("azpay.working/1", {"book": azpay.db.where})
        sys.stdout.flush()
    clockwork = worker.Clockwork(azpay)
    clockwork.start()
    worker.work(azpay, reins)
    clockwork.stop()


@contextmanager
def _stopped_by_signals(reins: Reins) -> Iterator[list[int]]:
    """The signals that came. After the first, a second one ends the process at once."""
    from azpay import worker

    told: list[int] = []

    def tell(number: int, _frame: object) -> None:
        told.append(number)
        signal.signal(number, signal.SIG_DFL)
        worker.leave_within(GONE_SECONDS, 128 + number)
        reins.stop()

    before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show(ctx: typer.Context, progress: Progress, tried: Sequence[Resolved]) -> None:
    from azpay.cli import output

    settled = sum(operation.settled_at is not None for operation, _ in tried)
    said = f"{progress.done} done, {progress.postponed} postponed, {progress.dead} given up."
    if tried:
        said += f" Of {len(tried)} open operations {settled} settled."
    data = {"done": progress.done, "postponed": progress.postponed, "dead": progress.dead}
    data |= {"operations_tried": len(tried), "operations_settled": settled}
    output.emit(ctx, schema="azpay.worked/1", data=data, human=said)
