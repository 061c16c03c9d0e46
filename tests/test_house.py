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
from azpay.gateway.stripe import Gateway
from azpay.payments import batches

PACKAGE = Path(azpay.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
SECONDS = frozenset({"gateway/patience.py", "gateway/stripe.py", "reconciliation/comparison.py"})
"""Files that name seconds to wait as fractions. They divide and round nothing."""

ROOMS_OF_MONEY = frozenset(
    {
        "access",
        "audit",
        "db",
        "gateway",
        "inbox",
        "money",
        "operations",
        "outbox",
        "payments",
        "reconciliation",
    }
    | {"settlement", "bootstrap.py", "errors.py"}
)
"""Elsewhere files, seconds and points on a page are divided; amounts there are `Money`, or go through it."""

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


def inexact(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=float() | complex()):
            return True
        case ast.Call(func=ast.Name(id="float" | "round")):
            return True
        case ast.BinOp(op=ast.Div(), left=left, right=right):
            return not _is_path(left) and not _is_path(right)
        case ast.AugAssign(op=ast.Div()):
            return True
        case _:
            return False


def _is_path(node: ast.expr) -> bool:
    """`folder / "name"`: a path, and no division."""
    return isinstance(node, ast.Constant | ast.JoinedStr) and not isinstance(
        getattr(node, "value", None), int | float
    )


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []


@pytest.mark.parametrize(
    "source",
    [source for source in SOURCES if source.relative_to(PACKAGE).parts[0] in ROOMS_OF_MONEY],
    ids=named,
)
def test_nothing_near_money_is_a_fraction(source: Path) -> None:
    seconds = ast.Constant if named(source) in SECONDS else ()
    nodes = [node for node in ast.walk(ast.parse(source.read_text())) if not isinstance(node, seconds)]

    found = [node for node in nodes if inexact(node)]

    assert [f"{named(source)}:{getattr(node, 'lineno', 0)}" for node in found] == []


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
    ],
)
def test_what_counts_as_a_fraction(code: str, caught: bool) -> None:
    assert any(inexact(node) for node in ast.walk(ast.parse(code))) is caught


def test_stripe_has_one_door() -> None:
    doors = {
        named(source)
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text()))
        if any(module.partition(".")[0] == "stripe" for module in imported(node))
    }

    assert doors == {"gateway/stripe.py"}


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

    keys = [signature(verb).parameters["key"] for verb in (*verbs, Gateway._post)]

    assert len(keys) == 6
    assert all(key.default is key.empty for key in keys)
