"""Where a page ends and the next one goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated

import msgspec
import pytest

from azpay.db.paging import MOST, CursorInvalid, cursor_at, place_of, require_length
from azpay.errors import Usage

Place = tuple[Annotated[datetime, msgspec.Meta(tz=True)], str]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_a_cursor_holds_the_place_in_utc() -> None:
    there = (NOON.astimezone(timezone(timedelta(hours=5))), "op_1")

    at, identity = place_of(cursor_at(there), Place)

    assert (at, at.tzinfo, identity) == (NOON, UTC, "op_1")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "é",
        "{}",
        cursor_at((1, "op_1")),
        cursor_at((NOON.replace(tzinfo=None), "op_1")),
        cursor_at((NOON, "op_1\0")),
        cursor_at((NOON, "op_1", "more")),
        cursor_at((NOON, "op_1")) + "!",
    ],
)
def test_any_other_text_is_refused(cursor: str) -> None:
    with pytest.raises(CursorInvalid) as refused:
        place_of(cursor, Place, same="--asc/--desc")

    assert refused.value.hint == "Use the `next` of the page before, with the same --asc/--desc."


@pytest.mark.parametrize("limit", [-1, 0, MOST + 1])
def test_a_page_of_none_or_of_too_many_is_refused(limit: int) -> None:
    with pytest.raises(Usage, match="1 to 1000 payouts"):
        require_length(limit, "payouts")
