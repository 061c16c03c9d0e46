"""What the server tells whoever runs it: past facts, with fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class LogLine:
    """`what` is request_answered, connection_dropped, request_failed, webhook_posted or state_written."""

    what: str
    fields: Mapping[str, object] = field(default_factory=dict)


Log: TypeAlias = Callable[[LogLine], None]


def silence(_line: LogLine) -> None:
    return
