from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clients.programs import StripeCli, a_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.clients.programs import Sandbox


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One for all tests of a module, which therefore look only at what is new."""
    with a_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture(scope="module")
def stripe(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> StripeCli:
    return StripeCli(sandbox, tmp_path_factory.mktemp("stripe"))
