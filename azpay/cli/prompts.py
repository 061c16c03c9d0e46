"""Asking a person, who may not be there.

A question goes to stderr and the answer comes from stdin. When stdin is not a terminal nobody is asked:
the command is refused and says which option answers in advance.
"""

from __future__ import annotations

import sys

import typer

from azpay import errors
from azpay.cli.terminal import visible


class NobodyToAsk(errors.Refused):
    code = "nobody_to_ask"

    def __init__(self, question: str, *, answer: str) -> None:
        super().__init__(
            f"{question} Nobody can answer: stdin is not a terminal.", hint=f"Pass {answer} to go on."
        )


class NotConfirmed(errors.Refused):
    code = "not_confirmed"

    def __init__(self) -> None:
        super().__init__("Not confirmed. Nothing was done.")


def confirm(question: str, *, yes: bool) -> None:
    """Return if the answer is yes; `yes` is the option `--yes`."""
    if yes:
        return
    if _answer(f"{question} [y/N] ", question, option="--yes").lower() not in {"y", "yes"}:
        raise NotConfirmed


def confirm_amount(amount: str, *, yes: bool) -> None:
    """Live mode: the amount, such as `USD 19.99`, is typed again; `yes` if `--live` was given and checked."""
    if yes:
        return
    question = f"This moves {amount} for real."
    typed = _answer(f"{question} Type the amount again: ", question, option="--live ACCOUNT_ID")
    if " ".join(typed.upper().split()) not in {amount.upper(), amount.split()[-1]}:
        raise NotConfirmed


def _answer(prompt: str, question: str, *, option: str) -> str:
    if not sys.stdin.isatty():
        raise NobodyToAsk(question, answer=option)
    typer.echo(visible(prompt), nl=False, err=True)
    return sys.stdin.readline().strip()
