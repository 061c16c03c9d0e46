"""What azpay can be told, as a table, so that help and completion import no command.

A row's `target` is `module:function`, imported when the command is called. `help` is the one line that
lists show; the function's docstring is the whole help. Rows that share a `panel` stand together in
`azpay --help`, and panels stand in the order in which they first appear.

A group is a word with commands of its own. One that has a `target` also does something by itself:
`azpay receipt pay_1` calls it, and `azpay receipt list` calls the row `list`.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    name: str
    target: str
    help: str
    panel: str | None = None


class Group(NamedTuple):
    name: str
    help: str
    rows: tuple[Row, ...]
    panel: str | None = None
    target: str | None = None


Entry = Row | Group

MONEY = "Move money"
RECORDS = "Look at money"
PROOF = "Prove it"
SERVICE = "Run"
SETUP = "Set up"

TABLE: tuple[Entry, ...] = ()
