"""Every way in is held to the same guards."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import azpay

PACKAGE = Path(azpay.__file__).parent
GUARDED = frozenset({"charge", "refund", "capture", "cancel", "approve_refund", "reject_refund"})
OUTSIDE = [source for source in sorted(PACKAGE.rglob("*.py")) if source.parent.name != "payments"]


def unguarded(code: str) -> list[int]:
    """The lines that move money, or let it be moved, without saying what they are held to."""
    calls = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call))
    return [
        call.lineno
        for call in calls
        if ast.unparse(call.func) in {f"payments.{verb}" for verb in GUARDED}
        and "guards" not in {keyword.arg for keyword in call.keywords}
    ]


@pytest.mark.parametrize("source", OUTSIDE, ids=lambda source: source.relative_to(PACKAGE).as_posix())
def test_nobody_moves_money_past_the_guards(source: Path) -> None:
    assert unguarded(source.read_text("utf-8")) == []


def test_one_who_did_would_be_seen() -> None:
    assert unguarded("payments.charge(db, gateway, request, now=now)") == [1]
    assert unguarded("payments.charge(db, gateway, request, now=now, guards=guards)") == []


def test_somebody_moves_money() -> None:
    called = "".join(source.read_text("utf-8") for source in OUTSIDE)

    assert [verb for verb in sorted(GUARDED) if f"payments.{verb}(" not in called] == []
