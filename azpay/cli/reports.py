"""What a reconciliation found and what a plan repaired, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azpay.cli import output
from azpay.cli.dates import in_utc, shown
from azpay.cli.tables import Block, Column, Fields, Table
from azpay.reconciliation import DriftKind, Outcome
from azpay.reconciliation.matching import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime, tzinfo
    from pathlib import Path

    import typer

    from azpay.reconciliation import Drift, Plan, Report, Result
    from azpay.reconciliation.certificates import Side, Total

NONE = "-"
KIND_STYLES: Mapping[str, str] = {DriftKind.UNRESOLVED: "bold red", DriftKind.MISSING_THERE: "bold red"}
OUTCOME_STYLES: Mapping[str, str] = {Outcome.DONE: "green", Outcome.FAILED: "bold red"}

TOTALS = (
    Column("Object"),
    Column("Currency"),
    Column("Here", right=True),
    Column("At Stripe", right=True),
    Column("Sum here", right=True, drop=1),
    Column("Sum at Stripe", right=True, drop=1),
    Column("Moved here", right=True),
    Column("Moved at Stripe", right=True),
)
DRIFTS = (
    Column("Difference", style=KIND_STYLES),
    Column("Object", drop=1),
    Column("Ours"),
    Column("Stripe's"),
    Column("In question", right=True),
    Column("Said here", fold=True),
    Column("Said at Stripe", fold=True),
)
REPAIRS = (
    Column("Outcome", style=OUTCOME_STYLES),
    Column("Difference"),
    Column("Ours"),
    Column("Stripe's"),
    Column("In question", right=True),
    Column("Why", fold=True),
)


# reports


def show(ctx: typer.Context, report: Report, *, zone: tzinfo, plan: Path | None) -> None:
    """The answer of `azpay reconcile`."""
    if report.trouble is not None:
        output.warn(f"{report.trouble.message}{f' {report.trouble.hint}' if report.trouble.hint else ''}")
    output.emit(
        ctx,
        schema="azpay.reconciliation/1",
        data=report_data(report, plan),
        human=[*_human(report, zone), _verdict(report, plan)],
    )


def report_data(report: Report, plan: Path | None) -> dict[str, Any]:
    run, trouble = report.run, report.trouble
    return {
        "run": run.id,
        "state": run.state if report.complete else "incomplete",
        "since": in_utc(run.since),
        "until": in_utc(run.until),
        "started": in_utc(run.started_at),
        "finished": in_utc(run.finished_at) if run.finished_at else None,
        "totals": [_total_data(total) for total in report.certificate],
        "moving": report.certificate.moving,
        "outside": report.certificate.outside,
        "drifts": [_drift_data(drift) for drift in report.drifts],
        "in_question": [
            {"currency": currency, "amount": amount, "display": in_words(amount, currency)}
            for currency, amount in in_question(report.drifts)
        ],
        "trouble": trouble and {"code": trouble.code, "message": trouble.message, "hint": trouble.hint},
        "plan": str(plan) if plan else None,
    }


def in_question(drifts: Sequence[Drift]) -> list[tuple[str, int]]:
    """The sum of all that is in question, for each currency."""
    sums: dict[str, int] = {}
    for drift in drifts:
        sums[drift.currency] = sums.get(drift.currency, 0) + drift.amount
    return sorted(sums.items())


def _total_data(total: Total) -> dict[str, Any]:
    return {
        "object": total.object_type,
        "currency": total.currency,
        "here": _side_data(total.here),
        "at_stripe": _side_data(total.there),
    }


def _side_data(side: Side) -> dict[str, int]:
    return {"count": side.count, "amount": side.amount, "moved": side.moved}


def _drift_data(drift: Drift) -> dict[str, Any]:
    return {
        "id": drift.id,
        "kind": drift.kind,
        "object": drift.object_type,
        "ours": drift.ours,
        "stripes": drift.theirs,
        "amount": drift.amount,
        "currency": drift.currency,
        "display": in_words(drift.amount, drift.currency),
        "said_here": drift.said_here,
        "said_there": drift.said_there,
    }


def _human(report: Report, zone: tzinfo) -> Iterator[Block]:
    run, certificate = report.run, report.certificate
    heading = [
        ("Period", f"{_when(run.since, zone)} up to {_when(run.until, zone)} ({zone})"),
        ("Run", run.id),
        ("Compared", f"{certificate.here:,} here, {certificate.there:,} at Stripe"),
    ]
    if certificate.moving:
        heading.append(("Left out", f"{certificate.moving:,} that were changing all the while"))
    if certificate.outside:
        heading.append(
            ("Left out", f"{certificate.outside:,} refunds of mere holds, or without a payment intent")
        )
    yield Fields(heading)
    totals = [_total_row(total) for total in certificate]
    if totals:
        yield ""
        yield Table(TOTALS, totals)
    if report.drifts:
        yield ""
        yield Table(DRIFTS, [_drift_row(drift) for drift in report.drifts])
    yield ""


def _when(moment: datetime, zone: tzinfo) -> str:
    seconds = f":{moment.second:02}" if moment.second else ""
    return shown(moment, zone) + seconds


def _total_row(total: Total) -> tuple[str, ...]:
    here, there, currency = total.here, total.there, total.currency
    return (
        total.object_type,
        currency.upper(),
        f"{here.count:,}",
        f"{there.count:,}",
        in_words(here.amount, currency),
        in_words(there.amount, currency),
        in_words(here.moved, currency),
        in_words(there.moved, currency),
    )


def _drift_row(drift: Drift) -> tuple[str, ...]:
    return (
        drift.kind,
        drift.object_type,
        drift.ours or NONE,
        drift.theirs or NONE,
        in_words(drift.amount, drift.currency),
        drift.said_here or "nothing",
        drift.said_there or "nothing",
    )


def _verdict(report: Report, plan: Path | None) -> str:
    """The last line is the one that is read."""
    count = len(report.drifts)
    found = f"{count:,} {'thing differs' if count == 1 else 'things differ'}" if count else "Nothing differs"
    amounts = ", ".join(in_words(amount, currency) for currency, amount in in_question(report.drifts))
    said = f"{found}{f': {amounts} in question' if amounts else ''}"
    if not report.complete:
        return f"INCOMPLETE: not everything could be judged. {said} in what was. Run it again."
    if not count:
        return f"Complete. {said}."
    return f"Complete. {said}.\n{_next(report, plan)}"


def _next(report: Report, plan: Path | None) -> str:
    unanswered = any(drift.kind is DriftKind.UNRESOLVED and not drift.theirs for drift in report.drifts)
    ask = "\n      `azpay doctor` names what Stripe has not answered." if unanswered else ""
    if plan is None:
        return f"Next: `azpay reconcile --plan repairs.json` writes down how to repair it.{ask}"
    return f"Next: review {plan}, then `azpay reconcile apply {plan}`.{ask}"


# repairs


def show_repairs(ctx: typer.Context, plan: Plan, results: Sequence[Result]) -> None:
    """The answer of `azpay reconcile apply`."""
    data = {
        "run": plan.run,
        "results": [_result_data(result) for result in results],
        "left": [
            {"drift": left.drift, "kind": left.kind, "ours": left.ours, "stripes": left.theirs}
            for left in plan.left
        ],
    }
    table = Table(REPAIRS, [_result_row(result) for result in results], empty="The plan has no repairs.")
    output.emit(ctx, schema="azpay.repairs/1", data=data, human=[table, "", _summary(plan, results)])


def _result_data(result: Result) -> dict[str, Any]:
    repair = result.repair
    return {
        "drift": repair.drift,
        "kind": repair.kind,
        "object": repair.object_type,
        "ours": repair.ours,
        "stripes": repair.theirs,
        "amount": repair.amount,
        "currency": repair.currency,
        "outcome": result.outcome,
        "why": result.why,
    }


def _result_row(result: Result) -> tuple[str, ...]:
    repair = result.repair
    return (
        result.outcome,
        repair.kind,
        repair.ours or NONE,
        repair.theirs or NONE,
        in_words(repair.amount, repair.currency),
        result.why or "",
    )


def _summary(plan: Plan, results: Sequence[Result]) -> str:
    counts = {outcome: sum(result.outcome is outcome for result in results) for outcome in Outcome}
    said = (
        f"{counts[Outcome.DONE]:,} repaired, {counts[Outcome.ALREADY_RIGHT]:,} already right, "
        f"{counts[Outcome.FAILED]:,} failed. No money was moved."
    )
    if plan.left:
        said += f"\n{len(plan.left):,} cannot be repaired from Stripe's word: see `left` in the plan."
    return f"{said}\nNext: `azpay reconcile` shows that nothing is left to repair."
