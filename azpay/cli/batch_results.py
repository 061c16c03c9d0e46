"""A batch for people, for programs, and as a sheet with a line for each row of the file."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from azpay.cli import output, spreadsheet
from azpay.cli.dates import in_utc, shown
from azpay.cli.tables import Column, Fields, Table
from azpay.db import private
from azpay.errors import Usage
from azpay.money import Money
from azpay.payments import batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import tzinfo

    import typer

    from azpay.db import Database
    from azpay.errors import AzpayError
    from azpay.payments.batches import Batch, Prepared, Result, Sum, Tally

COLUMNS = ("row", "status", "id", "amount", "currency", "code", "message")
STYLES = {
    "succeeded": "green",
    "pending": "yellow",
    "unknown": "bold red",
    "declined": "red",
    "failed": "red",
    "refused": "red",
    "done_before": "dim",
    "superseded": "dim",
}


class Form(StrEnum):
    CSV = "csv"
    NDJSON = "ndjson"


class Place(NamedTuple):
    """Where the results go: a file, or stdout without one."""

    file: Path | None
    form: Form


def place(named: str | None, source: str | None) -> Place | None:
    """Where `--results` leads, before anything is done. Raises Usage for a file that must not be written."""
    if named is None:
        return None
    if named == "-":
        return Place(None, Form.CSV)
    file = Path(named)
    if "\0" in named or file.suffix.lstrip(".") not in list(Form):
        raise Usage(
            f"{named!a} says no form.", hint="Name the results .csv or .ndjson, or - for CSV on stdout."
        )
    if file.is_dir() or file.is_symlink() or not file.absolute().parent.is_dir():
        raise Usage(f"{file} cannot be written.", hint="Give --results a file in a folder that exists.")
    if file.exists() and not _is_results(file, source):
        raise Usage(f"{file} is there, and holds no results of a batch.", hint="Name another file.")
    return Place(file, Form(file.suffix.lstrip(".")))


def _is_results(file: Path, source: str | None) -> bool:
    """Whether an earlier run wrote it, so that this one may put its own in its place."""
    if not file.is_file() or (source not in {None, "-"} and file.samefile(str(source))):
        return False
    with file.open("rb") as opened:
        begins = opened.read(64)
    titles = ",".join(COLUMNS).encode()
    return not begins or begins.startswith((b'{"row":', spreadsheet.BOM.encode() + titles))


def tell(
    ctx: typer.Context, db: Database, batch: Batch, *, form: Place | None, trouble: AzpayError | None
) -> Tally:
    """What became of each row, and the sums of it; the results in a file of their own, if one was named."""
    tally = batches.Tally()
    passing = tally.counted(batches.results(db, batch.id))
    if form is not None:
        _write(form, passing)
        if form.file is None:
            return tally
        output.say(ctx, f"The results are in {form.file}.")
    kept = [] if form is not None else list(passing)
    data = {
        **batch_data(batch),
        "sums": [_sum_data(each) for each in tally.sums],
        "stopped": trouble and {"code": trouble.code, "message": trouble.message},
        "results": None if form is not None else [result_data(each) for each in kept],
    }
    tables = [_sums_table(tally)] if form is not None else [_rows_table(kept), "", _sums_table(tally)]
    output.emit(ctx, schema="azpay.batch/1", data=data, human=[*tables, f"Batch  {batch.id}"])
    return tally


def _write(where: Place, results: Iterable[Result]) -> None:
    if where.file is None:
        sys.stdout.reconfigure(newline="")  # type: ignore[union-attr]  # the sheet brings its own line ends
        _write_to(sys.stdout, where.form, results)
        return
    file = where.file.absolute()
    with private.draft(file.parent) as draft:
        with draft.open("w", encoding="utf-8", newline="") as out:
            _write_to(out, where.form, results)
        private.put(draft, file)


def _write_to(out: IO[str], form: Form, results: Iterable[Result]) -> None:
    if form is Form.CSV:
        spreadsheet.write(out, COLUMNS, map(_cells, results))
        return
    out.writelines(json.dumps(result_data(each)) + "\n" for each in results)


def result_data(result: Result) -> dict[str, Any]:
    """For programs: the amount in minor units."""
    return {
        "row": result.row,
        "status": str(result.status),
        "id": result.id,
        "amount": result.amount,
        "currency": result.currency,
        "code": result.code,
        "message": result.message,
    }


def _cells(result: Result) -> list[str]:
    money = Money(result.amount, result.currency)
    told = (result.code or "", result.message or "")
    return [str(result.row), result.status, result.id or "", money.major(), result.currency.upper(), *told]


def batch_data(batch: Batch) -> dict[str, Any]:
    return {
        "id": batch.id,
        "kind": batch.kind,
        "file": batch.file,
        "rows": batch.row_count,
        "created": in_utc(batch.created_at),
    }


def _sum_data(each: Sum) -> dict[str, Any]:
    display = str(Money(each.amount, each.currency))
    return {**each._asdict(), "status": str(each.status), "display": display}


def _rows_table(results: list[Result]) -> Table:
    columns = [
        Column("Row", right=True),
        Column("Status", style=STYLES),
        Column("Amount", right=True),
        Column("Id"),
        Column("Code", drop=2),
        Column("Message", drop=1, fold=True),
    ]
    rows = [
        [
            str(each.row),
            each.status,
            Money(each.amount, each.currency).display(),
            each.id or "",
            each.code or "",
            each.message or "",
        ]
        for each in results
    ]
    return Table(columns, rows)


def _sums_table(tally: Tally) -> Table:
    columns = [Column("Outcome", style=STYLES), Column("Rows", right=True), Column("Amount", right=True)]
    return Table(
        columns,
        [[each.status, f"{each.rows:,}", Money(each.amount, each.currency).display()] for each in tally.sums],
    )


# before it runs


def show_plan(ctx: typer.Context, db: Database, prepared: Prepared) -> None:
    """What the file comes to: totals, the largest rows, and what is done already."""
    found, batch = prepared.found, prepared.batch
    left = prepared.to_move(db)
    rows = sum(count for count, _ in left.values())
    data = {
        "kind": prepared.file.kind,
        "file": prepared.file.name,
        "batch": batch and batch.id,
        "rows": found.rows,
        "to_move": rows,
        "done": found.rows - rows,
        "totals": [_total_data(currency, *each) for currency, each in left.items()],
        "largest": [_largest_data(*each) for each in _largest(prepared)],
        "changed": [] if batch else found.changed,
        "again_in": [] if batch else sorted(found.earlier),
    }
    output.emit(ctx, schema="azpay.batch_plan/1", data=data, human=list(_plan_blocks(data)))


def _largest(prepared: Prepared) -> Iterator[tuple[int, int, str]]:
    for amount, row, currency in sorted(prepared.found.largest, reverse=True):
        yield -row, amount, currency


def _total_data(currency: str, rows: int, amount: int) -> dict[str, Any]:
    return {"currency": currency, "rows": rows, "amount": amount, "display": str(Money(amount, currency))}


def _largest_data(row: int, amount: int, currency: str) -> dict[str, Any]:
    return {"row": row, "currency": currency, "amount": amount, "display": str(Money(amount, currency))}


def _plan_blocks(data: dict[str, Any]) -> Iterator[Table | Fields | str]:
    pairs = [
        ("Rows", f"{data['rows']:,}"),
        ("To move", f"{data['to_move']:,}"),
        ("Done", f"{data['done']:,}"),
    ]
    if data["batch"]:
        pairs.append(("Goes on with", data["batch"]))
    yield Fields(
        pairs, title=f"{data['kind'].capitalize()} from {data['file'] or 'stdin'}  (nothing was moved)"
    )
    yield ""
    totals = [[f"{each['rows']:,}", _shown(each)] for each in data["totals"]]
    yield Table(
        [Column("Rows", right=True), Column("Total", right=True)], totals, empty="Nothing is left to move."
    )
    if data["largest"] and not data["batch"]:
        yield ""
        largest = [[str(each["row"]), _shown(each)] for each in data["largest"]]
        yield Table([Column("Row", right=True), Column("Largest", right=True)], largest)


def _shown(said: dict[str, Any]) -> str:
    return Money(said["amount"], said["currency"]).display()


def show_batches(ctx: typer.Context, db: Database, *, limit: int, zone: tzinfo) -> None:
    """Batches, a line each."""
    listed = [(batch, _left(db, batch)) for batch in batches.page(db, limit=limit)]
    columns = [Column("Made"), Column("Batch"), Column("Kind"), Column("Rows", right=True)]
    columns += [Column("Left", right=True), Column("File", drop=1, fold=True)]
    rows = [
        [
            shown(each.created_at, zone),
            each.id,
            each.kind,
            f"{each.row_count:,}",
            f"{left:,}",
            each.file or "",
        ]
        for each, left in listed
    ]
    data = [{**batch_data(each), "left": left} for each, left in listed]
    output.emit(ctx, schema="azpay.batches/1", data=data, human=Table(columns, rows, empty="No batches."))


def _left(db: Database, batch: Batch) -> int:
    return sum(count for count, _ in batches.unfinished(db, batch.id).values())
