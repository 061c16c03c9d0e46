from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from azpay.settings import SETTINGS, Setting, Settings
from azpay.settings.example import env_example, reference

if TYPE_CHECKING:
    from tests.settings.conftest import Place

FACTS_ABOUT_LOADING = {"config_file", "origins", "warnings"}


def test_the_example_file_is_the_table() -> None:
    committed = Path(__file__).parents[2] / ".env.example"

    assert committed.read_text() == env_example()


def test_the_example_file_can_be_printed() -> None:
    command = [sys.executable, "-m", "azpay.settings.example"]

    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout

    assert printed == env_example()


def test_the_values_are_the_table() -> None:
    fields = [field.name for field in dataclasses.fields(Settings) if field.name not in FACTS_ABOUT_LOADING]

    assert sorted(fields) == sorted(setting.name for setting in SETTINGS)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_defaults_and_examples_are_values_one_may_write(setting: Setting) -> None:
    written = [text for text in (setting.default, setting.example) if text]

    assert [setting.parse(text) for text in written]


def test_the_example_works_as_it_stands(place: Place) -> None:
    assignments = [line[2:] for line in env_example().splitlines() if line.startswith("# AZPAY_")]
    place.env_file("\n".join(line for line in assignments if not line.startswith("AZPAY_PROFILE")))

    settings = place.load()

    assert settings.merchant_address == "1 Example Street\nLondon"
    assert len(settings.webhook_secrets) == 2


def test_the_reference_says_what_may_not_come_from_the_environment() -> None:
    rows = {row.split("`")[1]: row for row in reference().splitlines()[2:]}

    assert len(rows) == len(SETTINGS)
    assert "only in a profile" in rows["live"]
    assert "`AZPAY_STRIPE_API_KEY_FILE`" in rows["stripe_api_key"]
    assert "the user's data folder" in rows["data_dir"]
    assert "`8000`" in rows["port"]
    assert "not set" in rows["merchant_name"]


def test_loading_settings_imports_nothing_heavy() -> None:
    program = """
import sys, pathlib
from azpay.settings import load
load(flags={}, env={}, cwd=pathlib.Path('/'), config_file=pathlib.Path('/nonexistent'))
print(*({'pydantic', 'dotenv', 'zoneinfo', 'structlog', 'keyring'} & set(sys.modules)))
"""

    heavy = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout

    assert heavy.strip() == ""
