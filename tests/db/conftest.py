"""These tests alter tables, so each has a copy of the server's book to itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.postgres import Server


@pytest.fixture
def servers_book(server: Server, template: str) -> str:
    return server.new_database("meddled_with", template)
