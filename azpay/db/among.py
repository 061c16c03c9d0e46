"""A value is one of many: one parameter, however many there are.

A parameter for each is written out, prepared and read anew for every number of them; for a batch of events
that is as much work as finding the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import String, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement, Connection


def among(connection: Connection, column: Any, texts: Collection[str]) -> ColumnElement[bool]:
    """The condition that a column of texts has one of these; an index on the column serves it."""
    if connection.dialect.name == "postgresql":
        array = bindparam(None, list(texts), type_=ARRAY(String))
        found: ColumnElement[bool] = column == any_(array)
        return found
    listed = func.json_each(msgspec.json.encode(list(texts)).decode()).table_valued("value")
    within: ColumnElement[bool] = column.in_(select(listed.c.value))
    return within
