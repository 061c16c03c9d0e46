"""What the source of money may not contain, read rather than run."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import azpay.money

SOURCES = sorted(Path(azpay.money.__file__).parent.glob("*.py"))


def _inexact(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=float() | complex()):
            return True
        case ast.Name(id="float" | "round" | "Decimal" | "Fraction" | "complex"):
            return True
        case ast.Attribute(attr="float" | "round" | "quantize" | "as_integer_ratio"):
            return True
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return True
        case _:
            return False


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_no_float_touches_money(source: Path) -> None:
    tree = ast.parse(source.read_text())

    assert [ast.unparse(node) for node in ast.walk(tree) if _inexact(node)] == []


@pytest.mark.parametrize(
    "line", ["a / 100", "a /= 100", "0.5", "float(a)", "round(a, 2)", "Decimal(a)", "1j"]
)
def test_the_reader_of_sources_sees_what_it_looks_for(line: str) -> None:
    assert any(_inexact(node) for node in ast.walk(ast.parse(line)))


def test_money_knows_nothing_of_ours_but_errors() -> None:
    program = "import sys, azpay.money; print(*[name for name in sys.modules if name.startswith('azpay')])"

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)

    others = {name for name in loaded.stdout.split() if not name.startswith("azpay.money")}
    assert others == {"azpay", "azpay.errors"}
