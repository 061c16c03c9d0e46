"""Real processes: a sandbox on a port of its own, and azpay's commands beside it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.shop import AZPAY, Shop, finish, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    sandbox = start([*AZPAY, "sandbox", "--port", "0", "--json"], tmp_path)
    assert sandbox.stdout is not None
    try:
        listening = json.loads(sandbox.stdout.readline())
        yield Shop(tmp_path, listening["data"]["api_base"])
    finally:
        sandbox.terminate()
        finish(sandbox)
