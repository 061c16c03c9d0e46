"""`clerk.py NAME COUNT`: somebody who charges and refunds all day, in azpay's own words.

One process for many commands, because starting Python takes longer than any of them.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from typer.testing import CliRunner

from azpay.cli.app import app

UNAVAILABLE, SUSPECTED, UNKNOWN = 5, 6, 8
TRIES = 20


def typed(*words: str) -> dict[str, Any]:
    """The command's document; typed again while the book or Stripe is busy."""
    codes: list[int] = []
    while len(codes) < TRIES:
        result = CliRunner().invoke(app, [*words, "--json"])
        codes.append(result.exit_code)
        if result.exit_code not in {UNAVAILABLE, UNKNOWN}:
            break
    if result.exit_code == SUSPECTED and UNKNOWN in codes:
        return settled(words)
    if result.exit_code:
        sys.exit(f"{' '.join(words)}: {codes}: {result.stderr}")
    found: dict[str, Any] = json.loads(result.stdout)["data"]
    return found


def settled(words: tuple[str, ...]) -> dict[str, Any]:
    """The payment, when the outcome was not known and a daemon has settled it before it was typed again."""
    if words[0] == "refund":
        return typed("history", words[1])
    (payment,) = typed("history", "--reference", words[words.index("--reference") + 1])["payments"]
    found: dict[str, Any] = payment
    return found


def work(name: str, count: int) -> None:
    for number in range(count // 2):
        amount = f"{10 + number}.00"
        paid = typed("charge", amount, "usd", "--method", "pm_card_visa", "--reference", f"{name}-{number}")
        typed("refund", paid["id"], "3.00", "--yes")


if __name__ == "__main__":
    work(sys.argv[1], int(sys.argv[2]))
