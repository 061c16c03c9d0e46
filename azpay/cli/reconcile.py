"""`azpay reconcile` and `azpay reconcile apply`."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from azpay.cli.options import Since, Until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime, tzinfo

    from azpay.bootstrap import Azpay
    from azpay.reconciliation import ObjectType, Period, Report

FAILED, DIFFERS, INCOMPLETE = 1, 9, 10
DEFAULT_SPAN = "30d"

PlanFile = Annotated[
    Path | None, typer.Option("--plan", metavar="FILE", help="Write the repairs it would make to FILE.")
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="TYPE", help="payment_intent or refund; may be repeated."),
]


def reconcile(
    ctx: typer.Context,
    since: Since = None,
    until: Until = None,
    only: Only = None,
    plan: PlanFile = None,
) -> None:
    """Compare our book with Stripe's, payment by payment and refund by refund, in both directions.

    Examples:

        azpay reconcile                                  # the last 30 days, up to now
        azpay reconcile --since yesterday --until today
        azpay reconcile --only refund --plan repairs.json
        azpay reconcile apply repairs.json               # what was reviewed

    Nothing is changed. Every difference is named with its amount. The exit status is 0 when both sides were
    read to their end and nothing differs, 9 when something does, and 10 when the run is incomplete, so that a
    clean result means nothing.
    """
    from azpay import reconciliation
    from azpay.cli import reports, wiring

    types = _types(only)
    _require_folder(plan)
    azpay = wiring.azpay_of(ctx)
    account = azpay.gateway.account().id if plan is not None else ""
    period = _period(since, until, now=azpay.now(), zone=azpay.settings.zone)
    with _progress(ctx) as progress:
        pace = reconciliation.Pace(azpay.now, progress=progress)
        report = reconciliation.reconcile(azpay.db, azpay.gateway, period, pace=pace, only=types)
    if plan is not None:
        _write_plan(azpay, report, plan, account)
    reports.show(ctx, report, zone=azpay.settings.zone, plan=plan)
    _leave(report)


def apply(
    ctx: typer.Context,
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="The file that --plan wrote.")],
) -> None:
    """Make the repairs of a plan: ask Stripe again for each object, and record what it says.

    Examples:

        azpay reconcile --plan repairs.json
        azpay reconcile apply repairs.json

    It never moves money, and applying a plan twice changes nothing more. A plan that was changed, or was made
    for another account, profile or book, is refused.
    """
    from azpay import reconciliation
    from azpay.access import Action
    from azpay.cli import reports, wiring
    from azpay.reconciliation import plans

    made = plans.load(_read(plan))
    azpay = wiring.azpay_of(ctx, Action.REPAIR)
    account = azpay.gateway.account().id
    reconciliation.require_ours(azpay.db, made, account=account, profile=azpay.settings.profile)
    results = []
    with _progress(ctx) as progress:
        for result in reconciliation.apply(azpay.db, azpay.gateway, made, clock=azpay.now):
            results.append(result)
            progress(len(results))
    reports.show_repairs(ctx, made, results)
    if any(result.outcome is reconciliation.Outcome.FAILED for result in results):
        raise typer.Exit(FAILED)


def _types(given: Sequence[str] | None) -> Sequence[ObjectType]:
    from azpay.errors import Usage
    from azpay.reconciliation import ObjectType

    known = [each.value for each in ObjectType]
    wrong = next((name for name in given or () if name not in known), None)
    if wrong is not None:
        raise Usage(f"{wrong!r} is not compared.", hint=f"--only takes one of: {', '.join(known)}.")
    return [each for each in ObjectType if not given or each in given]


def _period(since: str | None, until: str | None, *, now: datetime, zone: tzinfo) -> Period:
    """What was asked for; else the thirty days that end now, this second included."""
    from azpay.cli import dates
    from azpay.reconciliation import Period, until_now

    ends = until_now(now) if until is None else dates.moment(until, now=now, zone=zone)
    begins = (
        dates.moment(DEFAULT_SPAN, now=ends, zone=zone)
        if since is None
        else dates.moment(since, now=now, zone=zone)
    )
    if begins >= ends:
        raise dates.EmptyPeriod(since or DEFAULT_SPAN, until or "now")
    return Period(begins, ends)


def _leave(report: Report) -> None:
    if not report.complete:
        raise typer.Exit(INCOMPLETE)
    if report.drifts:
        raise typer.Exit(DIFFERS)


@contextmanager
def _progress(ctx: typer.Context) -> Iterator[Callable[[int], None]]:
    """A line that counts, on a terminal that somebody looks at."""
    from azpay.cli.options import globals_of

    if globals_of(ctx).quiet or not sys.stderr.isatty():
        yield lambda _read: None
        return
    from rich.console import Console

    with Console(stderr=True).status("Asking Stripe…") as line:

        def tell(read: int) -> None:
            if read % 100 == 0:
                line.update(f"Read {read:,} of Stripe's objects…")

        yield tell


def _require_folder(plan: Path | None) -> None:
    """Before an hour of reading, not after it."""
    from azpay.errors import Usage

    if plan is not None and (plan.is_dir() or not plan.absolute().parent.is_dir()):
        raise Usage(f"{plan} cannot be written.", hint="Give --plan a file in a folder that exists.")


def _write_plan(azpay: Azpay, report: Report, file: Path, account: str) -> None:
    """All of it or nothing, for its owner's eyes only."""
    from azpay import reconciliation
    from azpay.reconciliation import plans

    made = reconciliation.plan(
        report, account=account, profile=azpay.settings.profile, book=azpay.db.where, now=azpay.now()
    )
    descriptor, beside = tempfile.mkstemp(dir=file.absolute().parent, prefix=f".{file.name}.")
    with os.fdopen(descriptor, "wb") as unfinished:
        unfinished.write(plans.dump(made))
    Path(beside).replace(file)


def _read(plan: Path) -> bytes:
    from azpay.errors import Usage
    from azpay.reconciliation import plans

    if not plan.is_file():
        raise Usage(f"There is no file {plan}.", hint="`azpay reconcile --plan FILE` writes one.")
    if plan.stat().st_size > plans.MOST_BYTES:
        raise plans.PlanUnreadable("it is larger than any plan")
    return plan.read_bytes()
