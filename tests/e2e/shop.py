"""A shop made of processes: a sandbox that listens, and azpay as one types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from sqlalchemy import update
from sqlmodel import col, select

from azpay import operations
from azpay.payments import Payment, Refund, checks
from azpay.sandbox import DEFAULT_KEY
from tests.support.books import a_book

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from azpay.db import Database
    from azpay.operations import Operation

AZPAY = [sys.executable, "-m", "azpay"]
DYING = [sys.executable, str(Path(__file__).with_name("dying.py"))]

Process = subprocess.Popen[str]
Finished = subprocess.CompletedProcess[str]


def environment(folder: Path, **added: str) -> dict[str, str]:
    """The tests' own, without azpay's settings, at home in the folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AZPAY_")}
    return kept | {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config")} | added


def start(
    command: list[str],
    folder: Path,
    *,
    log: IO[str] | None = None,
    settings: Mapping[str, str] | None = None,
    **added: str,
) -> Process:
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment(folder, **(settings or {}), **added),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log or subprocess.PIPE,
        text=True,
    )


def finish(process: Process, seconds: int = 120) -> Finished:
    out, err = process.communicate(timeout=seconds)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@contextmanager
def a_sandbox(folder: Path, *words: str) -> Iterator[str]:
    """Where a sandbox listens. Its log goes to a file: a pipe that nobody reads would fill, and stop it."""
    command = [*AZPAY, "sandbox", "--port", "0", "--json", *words]
    with (folder / "sandbox.log").open("w") as log:
        sandbox = start(command, folder, log=log)
        assert sandbox.stdout is not None
        try:
            yield json.loads(sandbox.stdout.readline())["data"]["api_base"]
        finally:
            sandbox.terminate()
            finish(sandbox)


@dataclass(frozen=True, slots=True)
class Shop:
    """One book in a folder, and one Stripe."""

    folder: Path
    stripe: str
    database: str | None = None
    """A server's book, in the place of a file in the folder."""

    def start(self, *words: str, program: list[str] = AZPAY, stripe: str | None = None) -> Process:
        return start([*program, *words], self.folder, settings=self.settings(stripe))

    def settings(self, stripe: str | None = None) -> dict[str, str]:
        server = {"AZPAY_DATABASE_URL": self.database} if self.database else {}
        return {
            "AZPAY_PROFILE": "sandbox",
            "AZPAY_DATA_DIR": str(self.folder / "data"),
            "AZPAY_STRIPE_API_BASE": stripe or self.stripe,
            **server,
        }

    def azpay(self, *words: str) -> Finished:
        return finish(self.start(*words))

    def dies(self, boundary: int, *words: str) -> Finished:
        """The command, killed at the n-th boundary of a commit; or not, if it has fewer."""
        return finish(self.start(str(boundary), *words, program=DYING))

    def another_book(self, name: str) -> Shop:
        """The same Stripe, and a book that does not exist yet."""
        (self.folder / name).mkdir()
        return Shop(self.folder / name, self.stripe)

    def at_stripe(self, kind: str, **query: str) -> list[dict[str, Any]]:
        """What Stripe's own list says, newest first."""
        wanted = "".join(f"&{name}={value}" for name, value in query.items())
        request = Request(f"{self.stripe}/v1/{kind}?limit=100{wanted}")  # noqa: S310 - our own address
        request.add_header("Authorization", f"Bearer {DEFAULT_KEY}")
        with urlopen(request, timeout=10) as response:  # noqa: S310
            found: list[dict[str, Any]] = json.load(response)["data"]
            return found

    def new_method(self) -> str:
        """A card at Stripe that belongs to nobody yet."""
        body = urlencode({"type": "card", "card[token]": "tok_mastercard"}).encode()
        request = Request(f"{self.stripe}/v1/payment_methods", data=body)  # noqa: S310 - our own address
        request.add_header("Authorization", f"Bearer {DEFAULT_KEY}")
        with urlopen(request, timeout=10) as response:  # noqa: S310
            return str(json.load(response)["id"])

    def all_at_stripe(self, kind: str) -> list[dict[str, Any]]:
        """Page after page of Stripe's own list."""
        found: list[dict[str, Any]] = []
        while page := self.at_stripe(kind, **({"starting_after": found[-1]["id"]} if found else {})):
            found += page
        return found

    def on_record(self) -> list[Payment]:
        with self._book() as db, db.reading() as session:
            return list(session.exec(select(Payment).order_by(col(Payment.created_at).desc())))

    def unsettled(self) -> list[Operation]:
        """The operations whose outcome nobody knows."""
        with self._book() as db, db.reading() as session:
            return operations.open_now(session)

    def let_leases_run_out(self) -> None:
        """As if two minutes had passed: whoever had an operation in hand has it no more."""
        with self._book() as db:
            db.write(lambda session: session.execute(update(operations.Operation).values(leased_until=None)))

    def refunds_on_record(self) -> list[Refund]:
        with self._book() as db, db.reading() as session:
            return list(session.exec(select(Refund)))

    def wrong_sums(self) -> list[str]:
        with self._book() as db:
            return [problem for check in checks.sums(db) for problem in check.problems]

    @contextmanager
    def _book(self) -> Iterator[Database]:
        db = a_book(self.database or f"sqlite:///{self.folder}/data/sandbox.db")
        try:
            yield db
        finally:
            db.close()
