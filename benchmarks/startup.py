"""How long one call of azpay takes, whole processes, against the least that its libraries allow.

    python benchmarks/startup.py [--runs 21]

- `azpay --help` against a bare Typer application that shows Rich help of as many commands;
- `azpay history` against a bare Typer and SQLModel program that reads one page. The book is a seeded one, or
  the one that AZPAY_* settings name.

Runs are interleaved, so that a slow minute of the machine hits all alike.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from azpay.cli.table import TABLE

BARE_HELP = '''
from typing import Annotated
import typer

app = typer.Typer(help="Payment operations.", rich_markup_mode="rich")

def command(ctx: typer.Context, amount: Annotated[str, typer.Argument(help="How much.")]) -> None:
    """Do something with money."""

for number in range({commands}):
    app.command(f"command-{{number}}", rich_help_panel=f"Panel {{number % 4}}")(command)

app()
'''

BARE_HISTORY = """
import sys
import typer
from sqlmodel import Field, Session, SQLModel, create_engine, select

class Payment(SQLModel, table=True):
    id: str = Field(primary_key=True)
    created: str = Field(index=True)
    amount: int
    currency: str
    status: str

app = typer.Typer()

@app.command()
def history(file: str) -> None:
    with Session(create_engine(f"sqlite:///{file}")) as session:
        page = select(Payment).order_by(Payment.created.desc(), Payment.id.desc()).limit(50)
        for payment in session.exec(page):
            typer.echo(f"{payment.id}  {payment.status}  {payment.currency}  {payment.amount}")

app()
"""

FILL = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as book:
    book.execute("create table payment (id text primary key, created text, amount, currency, status)")
    book.execute("create index by_created on payment (created, id)")
    rows = ((f"pay_{n:026}", f"2026-01-01T00:00:00.{n:06}Z", n, "usd", "succeeded") for n in range(2000))
    book.executemany("insert into payment values (?, ?, ?, ?, ?)", rows)
"""

HELP = "bare Typer, Rich help"
PAGE = "bare Typer + SQLModel, one page"


class Program(NamedTuple):
    name: str
    command: list[str]
    against: str | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description="Start-up of azpay against a bare Typer program.")
    parser.add_argument("--runs", type=int, default=21)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder))
        programs = [program for program in prepared(Path(folder), env) if works(program, env)]
        show(programs, measured(programs, runs, env))


def environment(folder: Path) -> dict[str, str]:
    """An empty home with a book of its own, unless AZPAY_* settings name one; no terminal in sight."""
    ours = {name: value for name, value in os.environ.items() if name.startswith("AZPAY_")}
    home = {"HOME": str(folder), "AZPAY_PROFILE": "sandbox", "AZPAY_DATA_DIR": str(folder / "data")}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "COLUMNS": "80", **home, **ours}


def prepared(folder: Path, env: dict[str, str]) -> list[Program]:
    (folder / "bare_help.py").write_text(BARE_HELP.format(commands=len(TABLE)))
    (folder / "bare_history.py").write_text(BARE_HISTORY)
    book = str(folder / "bare.db")
    subprocess.run([sys.executable, "-c", FILL, book], check=True)
    azpay = str(Path(sys.executable).with_name("azpay"))
    subprocess.run([azpay, "seed", "--payments", "100"], env=env, capture_output=True, check=False)
    return [
        Program("python -c pass", [sys.executable, "-c", "pass"]),
        Program(HELP, [sys.executable, "-c", "import bare_help", "--help"]),
        Program("azpay --help", [azpay, "--help"], HELP),
        Program("azpay --version", [azpay, "--version"], HELP),
        Program(PAGE, [sys.executable, "-c", "import bare_history", book]),
        Program("azpay history", [azpay, "history"], PAGE),
    ]


def works(program: Program, env: dict[str, str]) -> bool:
    """Try it once, which also compiles it."""
    done = subprocess.run(program.command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"left out: {program.name}: {done.stderr.strip().splitlines()[-1]}")
    return done.returncode == 0


def measured(programs: list[Program], runs: int, env: dict[str, str]) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {program.name: [] for program in programs}
    for _ in range(runs):
        for program in programs:
            began = time.perf_counter()
            subprocess.run(program.command, env=env, stdout=subprocess.DEVNULL, check=True)
            taken[program.name].append((time.perf_counter() - began) * 1000)
    return taken


def show(programs: list[Program], taken: dict[str, list[float]]) -> None:
    print(f"{'':34}{'min ms':>8}{'median ms':>11}{'ratio of medians':>18}")
    for program in programs:
        times = taken[program.name]
        ratio = f"{median(times) / median(taken[program.against]):.2f}" if program.against in taken else ""
        print(f"{program.name:34}{min(times):8.0f}{median(times):11.0f}{ratio:>18}")


if __name__ == "__main__":
    main()
