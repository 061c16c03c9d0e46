"""Giving the holes of one mould their places."""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from azpay.sandbox.ids import letters_after
from azpay.sandbox.past.moulds import Known, Money, Mould, Piece, Spelling
from azpay.sandbox.plates import OWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from azpay.sandbox.past.moulds import Source, Value, Values, When

SECRET, BATCH = "secret", "batch"
_SECRET_LETTERS = 25
_HOLE = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, slots=True)
class Hole:
    """`number` says that its value is one, and not a text."""

    name: str
    number: bool = False


class Cut(NamedTuple):
    """An object with holes that have names. The values are constants, or holes."""

    prefix: str
    created: When
    text: str
    id_and_fields: Sequence[Hole | Value]
    counted: Mapping[str, Hole | Value]
    money: tuple[str, int, Hole | Value, When] | None


class Cuts(NamedTuple):
    """All that one scene has left behind. `ids` have their prefixes, `noise` what it is like."""

    objects: Sequence[Cut]
    ids: Mapping[str, str]
    noise: Mapping[str, str]
    times: Mapping[str, When]
    due: Sequence[tuple[When, str, str]]

    def without_events(self) -> Cuts:
        """What is left when nobody remembers the events any more."""
        return self._replace(objects=[each for each in self.objects if each.prefix != "evt"])

    def used(self) -> Sequence[str]:
        """The names of all holes. Those in events come last: so the plates of other objects are the same
        with them and without."""
        objects = sorted(self.objects, key=lambda each: each.prefix == "evt")
        return list(dict.fromkeys(name for each in objects for name in _HOLE.findall(each.text)))


class Setter:
    def __init__(self, cuts: Cuts) -> None:
        self._cuts = cuts
        self._names = [name for name in cuts.used() if name != BATCH]
        self._places = {name: place for place, name in enumerate(self._names)}
        self._spelled = dict(self._spell())
        self._others: Values = []
        self._numbers: list[tuple[int, int]] = []

    def _spell(self) -> Iterator[tuple[str, Spelling]]:
        """One after the other from a stream of letters."""
        yield SECRET, Spelling("", 0, _SECRET_LETTERS)
        at = _SECRET_LETTERS
        for name in filter(self._places.__contains__, self._cuts.ids):
            begins, length = letters_after(self._cuts.ids[name])
            yield name, Spelling(begins, at, at + length)
            at += length
        for name in filter(self._places.__contains__, self._cuts.noise):
            like = self._cuts.noise[name]
            yield name, Spelling("", at, at + len(like), like)
            at += len(like)

    def mould(self) -> Mould:
        return Mould(
            pieces=[self._piece(each) for each in self._cuts.objects],
            sources=[self._source(name) for name in self._names],
            letters=max(spelling.until for spelling in self._spelled.values()),
            others=[*self._others, None],
            numbers=self._numbers,
            due=[(when, what, self._places[on]) for when, what, on in self._cuts.due],
        )

    def _source(self, name: str) -> Source:
        return self._spelled.get(name) or self._cuts.times.get(name) or Known(name)

    def _piece(self, cut: Cut) -> Piece:
        return Piece(
            prefix=cut.prefix,
            created=cut.created,
            plate=_HOLE.sub(lambda hole: f"%({self._in_story(hole[1])})s", cut.text),
            id_and_fields=itemgetter(*(self._place(each) for each in cut.id_and_fields)),
            counted={name: self._place(value) for name, value in cut.counted.items()},
            money=cut.money and self._money(*cut.money),
        )

    def _in_story(self, name: str) -> int:
        return OWN if name == BATCH else self._places[name]

    def _money(self, currency: str, sign: int, net: Hole | Value, ready: When) -> Money:
        return Money(currency, sign, self._place(net), ready)

    def _place(self, value: Hole | Value) -> int:
        if not isinstance(value, Hole):
            return self._other(value)
        if not value.number:
            return self._in_story(value.name)
        place = self._other(None)
        self._numbers.append((place, self._places[value.name]))
        return place

    def _other(self, value: Value) -> int:
        self._others.append(value)
        return len(self._places) + len(self._others) - 1
