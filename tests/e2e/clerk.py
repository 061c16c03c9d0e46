"""`clerk.py NAME COUNT`: somebody who charges and refunds all day, in azpay's own words.

One process for many commands, because starting Python takes longer than any of them.
"""

from __future__ import annotations

import json
import sys

from typer.testing import CliRunner

from azpay.cli.app import app

UNAVAILABLE, UNKNOWN = 5, 8
TRIES = 20


def typed(*words: str) -> dict[str, object]:
    """The command's document; typed again while the book or Stripe is busy."""
    for _ in range(TRIES):
        result = CliRunner().invoke(app, [*words, "--json"])
        if result.exit_code not in {UNAVAILABLE, UNKNOWN}:
            break
    if result.exit_code:
        sys.exit(f"{' '.join(words)}: {result.exit_code}: {result.stderr}")
    found: dict[str, object] = json.loads(result.stdout)["data"]
    return found


def work(name: str, count: int) -> None:
    for number in range(count // 2):
        amount = f"{10 + number}.00"
        paid = typed("charge", amount, "usd", "--method", "pm_card_visa", "--reference", f"{name}-{number}")
        typed("refund", str(paid["id"]), "3.00", "--yes")


if __name__ == "__main__":
    work(sys.argv[1], int(sys.argv[2]))
