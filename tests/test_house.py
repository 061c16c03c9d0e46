"""Rules of the house that no tool knows: money is whole, Stripe has one door, tables name their checks."""

from __future__ import annotations

import ast
from inspect import getdoc, isfunction, signature
from pathlib import Path

import pytest
from sqlalchemy import CheckConstraint, Table

import azpay
from azpay import operations, payments
from azpay.bootstrap import tables
from azpay.db.tables import NAMING
from azpay.gateway.line import Line
from azpay.gateway.stripe import Gateway
from azpay.payments import batches

PACKAGE = Path(azpay.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
NUMBER, CALL, DIVISION = "number", "call", "division"
SECONDS = {
    "cli/sandboxes.py": {NUMBER},
    "cli/stage.py": {NUMBER},
    "cli/worker.py": {NUMBER},
    "gateway/patience.py": {NUMBER},
    "gateway/wire.py": {NUMBER},
    "http/daemon.py": {NUMBER, DIVISION},
    "http/health.py": {NUMBER},
    "http/intake.py": {NUMBER},
    "http/limits.py": {NUMBER},
    "http/supervision.py": {DIVISION},
    "reconciliation/comparison.py": {NUMBER},
    "sandbox/clock.py": {NUMBER},
    "sandbox/connections.py": {NUMBER},
    "sandbox/courier.py": {NUMBER},
    "sandbox/listening.py": {NUMBER},
    "sandbox/mishaps.py": {NUMBER, CALL},
    "sandbox/wire.py": {NUMBER},
    "worker/ears.py": {NUMBER},
    "worker/schedules.py": {NUMBER},
    "worker/threads.py": {NUMBER},
    "worker/work.py": {NUMBER},
}
"""How long something waits, or may take."""

MEASURED = {
    "http/gauges.py": {NUMBER, CALL, DIVISION},
    "http/metrics.py": {NUMBER},
    "sandbox/chaos.py": {NUMBER},
}
"""Shares and chances: of requests that went well, of those that are to go wrong."""

POINTS = {
    "receipts/drawing.py": {NUMBER, DIVISION},
    "receipts/typefaces.py": {CALL, DIVISION},
}
"""Where on a page something stands. What stands there is a text by then."""

PATHS = {
    "credentials/private_file.py": {DIVISION},
    "settings/loading.py": {DIVISION},
    "settings/secret_files.py": {DIVISION},
}
"""Folders and files with names of their own: `base / name` divides nothing."""

MOVES_MONEY = (
    payments.charge,
    payments.refund,
    payments.capture,
    payments.cancel,
    batches.run,
    operations.plan,
    operations.carry_out,
    operations.succeed,
    operations.fail,
    Gateway.create_payment_intent,
    Gateway.confirm_payment_intent,
    Gateway.capture_payment_intent,
    Gateway.cancel_payment_intent,
    Gateway.create_refund,
)


def named(source: Path) -> str:
    return source.relative_to(PACKAGE).as_posix()


def inexact(node: ast.AST) -> str | None:
    """What is not whole about it, if anything."""
    match node:
        case ast.Constant(value=float() | complex()):
            return NUMBER
        case ast.Call(func=ast.Name(id="float" | "round")):
            return CALL
        case ast.BinOp(op=ast.Div(), left=left, right=right):
            return None if _is_path(left) or _is_path(right) else DIVISION
        case ast.AugAssign(op=ast.Div()):
            return DIVISION
        case _:
            return None


def _is_path(node: ast.expr) -> bool:
    """`folder / "name"`: a path, and no division."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return _is_path(node.left) or _is_path(node.right)
    return isinstance(node, ast.Constant | ast.JoinedStr) and not isinstance(
        getattr(node, "value", None), int | float
    )


def fractions_in(code: str) -> set[str]:
    return {kind for node in ast.walk(ast.parse(code)) if (kind := inexact(node))}


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []


def test_no_float_touches_money() -> None:
    """Whatever in the package is not whole is named above, with what it counts in the place of money."""
    found = {named(source): fractions_in(source.read_text()) for source in SOURCES}

    assert {file: kinds for file, kinds in found.items() if kinds} == SECONDS | MEASURED | POINTS | PATHS


@pytest.mark.parametrize(
    ("code", "caught"),
    [
        ("amount / 100", True),
        ("amount * 1.5", True),
        ("round(amount)", True),
        ("float(amount)", True),
        ("amount /= 2", True),
        ("amount // 100", False),
        ("folder / 'name'", False),
        ("folder / 'name' / file", False),
    ],
)
def test_what_counts_as_a_fraction(code: str, caught: bool) -> None:
    assert bool(fractions_in(code)) is caught


def test_stripe_has_one_door() -> None:
    doors = {
        named(source)
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text()))
        if any(module.partition(".")[0] == "stripe" for module in imported(node))
    }

    assert doors == {"gateway/wire.py"}


@pytest.mark.parametrize("table", tables().sorted_tables, ids=lambda table: table.name)
def test_every_amount_is_a_whole_number_and_every_constraint_has_its_name(table: Table) -> None:
    money = {name for name in table.columns.keys() if name.startswith("amount") or name in {"fee", "net"}}  # noqa: SIM118 - a column collection
    checks = [check for check in table.constraints if isinstance(check, CheckConstraint)]

    assert {table.columns[name].type.python_type for name in money} <= {int}
    assert all(str(check.name).startswith(f"ck_{table.name}_") for check in checks)
    assert all(index.name for index in table.indexes)
    assert table.metadata.naming_convention == NAMING


@pytest.mark.parametrize("table", ["payments", "refunds", "receipts", "balance_transactions"])
def test_a_table_of_money_checks_its_amounts(table: str) -> None:
    checked = " ".join(
        str(check.sqltext)
        for check in tables().tables[table].constraints
        if isinstance(check, CheckConstraint)
    )

    assert "amount" in checked


@pytest.mark.parametrize("verb", MOVES_MONEY, ids=lambda verb: verb.__qualname__)
def test_what_moves_money_says_what_it_promises(verb: object) -> None:
    assert isfunction(verb)
    assert len(getdoc(verb) or "") > 40


def test_what_moves_money_at_stripe_needs_a_key() -> None:
    verbs = [verb for verb in MOVES_MONEY if verb.__qualname__.startswith("Gateway.")]

    keys = [signature(verb).parameters["key"] for verb in (*verbs, Line.post)]

    assert len(keys) == 6
    assert all(key.default is key.empty for key in keys)
