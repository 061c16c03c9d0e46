"""What goes wrong with events on purpose: whether they are made, when they arrive, and what they say."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azpay.sandbox.wire import Json


class UpsetKind(StrEnum):
    NEVER_MADE = "never_made"
    LOST = "lost"
    """The event is made, and no webhook brings it."""
    DOUBLED = "doubled"
    """Each endpoint hears it twice."""
    TWINNED = "twinned"
    """Two events, with ids of their own, tell of one change."""
    DELAYED = "delayed"
    REORDERED = "reordered"
    """It leaves a second after the event that is made next."""
    STALE = "stale"
    """Its object is the one that the event before it showed."""


@dataclass(slots=True)
class Upset:
    """`type` is an event's type, `charge.*` or `*`. Without `times` it happens for ever."""

    kind: UpsetKind
    type: str
    times: int | None = 1
    seconds: int = 0

    def strikes(self, event_type: str) -> bool:
        if self.type.endswith("*"):
            return event_type.startswith(self.type[:-1])
        return event_type == self.type


@dataclass(frozen=True, slots=True)
class Fate:
    """What is to happen to one event."""

    kinds: frozenset[UpsetKind] = frozenset()
    delay: int = 0


UNTROUBLED = Fate()


class Upsets:
    """What is armed, and the events that wait for another one to pass them."""

    def __init__(self) -> None:
        self._armed: list[Upset] = []
        self._held: list[str] = []

    def arm(self, upsets: Iterable[Upset]) -> None:
        self._armed += upsets

    def disarm(self) -> None:
        self._armed.clear()

    def armed(self) -> list[Json]:
        return [asdict(upset) for upset in self._armed]

    def fate(self, event_type: str) -> Fate:
        """What happens to this event. Each upset that strikes it counts as used once."""
        if not self._armed:
            return UNTROUBLED
        striking = [upset for upset in self._armed if upset.strikes(event_type)]
        for upset in striking:
            self._use(upset)
        return Fate(
            kinds=frozenset(upset.kind for upset in striking),
            delay=max((upset.seconds for upset in striking), default=0),
        )

    def _use(self, upset: Upset) -> None:
        if upset.times is None:
            return
        upset.times -= 1
        if upset.times <= 0:
            self._armed.remove(upset)

    def hold(self, event: str) -> None:
        self._held.append(event)

    def release(self) -> list[str]:
        """The events that waited, now that another one has been made."""
        held, self._held = self._held, []
        return held

    def dump(self) -> Json:
        return {"armed": self.armed(), "held": self._held}

    @classmethod
    def load(cls, data: Json) -> Upsets:
        upsets = cls()
        upsets._armed = [Upset(**{**each, "kind": UpsetKind(each["kind"])}) for each in data["armed"]]
        upsets._held = list(data["held"])
        return upsets
