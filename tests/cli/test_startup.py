from __future__ import annotations

import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from azpay.cli.app import app
from azpay.cli.commands import CommandGroup, load
from azpay.cli.options import SHARED
from azpay.cli.table import TABLE, Group, Row

from .processes import environment

HEAVY = {
    "sqlmodel",
    "sqlalchemy",
    "stripe",
    "aiohttp",
    "httpx",
    "alembic",
    "pydantic",
    "structlog",
    "keyring",
    "reportlab",
}
FRAME = ("azpay.cli", "azpay.errors", "azpay.__main__")
LIST_MODULES = """
import atexit, sys
atexit.register(lambda: sys.stderr.write(chr(10).join(sys.modules)))
from azpay.__main__ import main
main()
"""
COMPLETION = {"_AZPAY_COMPLETE": "complete_bash", "COMP_WORDS": "azpay ", "COMP_CWORD": "1"}

ROWS = [
    row
    for entry in TABLE
    for row in (
        [entry]
        if isinstance(entry, Row)
        else [*entry.rows, *([Row(entry.name, entry.target, entry.help)] if entry.target else [])]
    )
]


def modules_after(*args: str, **env: str) -> set[str]:
    command = [sys.executable, "-c", LIST_MODULES, *args]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(**env))
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines())


def assert_light(modules: set[str]) -> None:
    ours = {name for name in modules if name.startswith("azpay.")}
    assert not HEAVY & modules
    assert {name for name in ours if not name.startswith(FRAME)} == set()


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_asking_about_azpay_imports_only_the_frame(option: str) -> None:
    modules = modules_after(option)

    assert_light(modules)


def test_completing_a_command_imports_only_the_frame() -> None:
    modules = modules_after(**COMPLETION)

    assert_light(modules)


@pytest.mark.slow
@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry.name)
def test_help_of_a_command_imports_only_the_command_line(entry: Row | Group) -> None:
    modules = modules_after(entry.name, "--help")

    assert_light(modules)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.target)
def test_every_row_of_the_table_is_a_command_whose_help_has_examples(row: Row) -> None:
    command = load(row)

    assert command.help
    assert "Examples" in command.help
    assert "azpay " in command.help.partition("Examples")[2]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.target)
def test_no_command_takes_a_shared_option_for_itself(row: Row) -> None:
    shared = {name for option in SHARED for name in option.opts}

    own = {name for param in load(row).params for name in param.opts}

    assert not own & shared


def test_names_in_the_table_are_unique() -> None:
    names = [entry.name for entry in TABLE]

    assert sorted(set(names)) == sorted(names)


def test_help_lists_every_command_of_the_table() -> None:
    help_text = CliRunner().invoke(app, ["--help"]).output

    root = get_command(app)
    assert isinstance(root, CommandGroup)
    assert set(root.commands) == {entry.name for entry in TABLE}
    assert all(entry.name in help_text for entry in TABLE)


def test_the_version_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "azpay", "--version"], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("azpay ")
    assert done.stderr == ""
