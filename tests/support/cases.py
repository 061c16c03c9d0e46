"""Cases that take long and show once more what a shorter one shows: `--further` plays them, as CI does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from _pytest.mark import ParameterSet


def further(*values: object) -> ParameterSet:
    return pytest.param(*values, marks=pytest.mark.further)


def cases(names: Iterable[str], *, always: Collection[str]) -> list[ParameterSet]:
    """All of them, and only some of them always."""
    return [pytest.param(name) if name in always else further(name) for name in names]
