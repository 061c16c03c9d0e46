"""Real processes: a sandbox on a port of its own, and azpay's commands beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.shop import Shop, a_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with a_sandbox(tmp_path) as address:
        yield Shop(tmp_path, address)
