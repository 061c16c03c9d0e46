"""An object that Stripe has made, with holes where its particulars were: ids, amounts, times, names.

What fills the holes makes another one of the kind, at a fraction of what it costs to live through it. Because
the mould is taken from what the sandbox itself has made, the past looks like the present in every field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from azpay.sandbox import currencies
from azpay.sandbox.ids import letters_after
from azpay.sandbox.ledger import DAY
from azpay.sandbox.past.scenes import AMOUNT, EMAIL, NAME, NUMBER, PART
from azpay.sandbox.store import Remains, likeness

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from azpay.sandbox.past.scenes import Played
    from azpay.sandbox.store import Collection
    from azpay.sandbox.wire import Json

_ID = re.compile(r"(?<![0-9A-Za-z_])((?:pi|ch|re|txn|cus|pm|du|evt|req|po|ba)_[0-9A-Za-z]{10,})")
_SECRET = re.compile(r"(?<=_secret_)([0-9A-Za-z]{10,})")
_NOISE = re.compile(
    r'"(?:authorization_code|network_transaction_id|transaction_id|reference|invoice_prefix|value)":"([0-9A-Za-z]+)"'
)
_NUMBER = re.compile(r"(?<=[:,\[])(-?)(\d{4,10})(?=[,}\]])")
_HOLE = re.compile(r"%\((\w+)\)s")
_SOON = DAY // 2


class When(NamedTuple):
    """So many seconds after an act, or after the midnight before it."""

    act: int
    midnight: bool
    seconds: int

    def at(self, acts: Sequence[int]) -> int:
        time = acts[self.act]
        return (time - time % DAY if self.midnight else time) + self.seconds


@dataclass(frozen=True, slots=True)
class Hole:
    """`number` says that its value is one, and not a text."""

    name: str
    number: bool = False


class Money(NamedTuple):
    """What a balance transaction adds to the balance, and when that can be paid out."""

    currency: str
    sign: int
    net: object
    ready: When

    def filled(self, values: Mapping[str, str]) -> int:
        return self.sign * int(str(_filled(self.net, values)))


@dataclass(frozen=True, slots=True)
class Piece:
    """One object of a mould. `fields` and `counted` are constants, or holes."""

    prefix: str
    created: When
    id: str
    like: str
    text: str
    fields: Sequence[object]
    counted: Mapping[str, object]
    money: Money | None

    def fill(self, values: Mapping[str, str], created: int) -> Remains:
        return Remains(
            id=values[self.id],
            created=created,
            like=self.like,
            body=(self.text % values).encode(),
            fields=[_filled(each, values) for each in self.fields],
            counted={name: int(str(_filled(each, values))) for name, each in self.counted.items()},
        )


def _filled(value: object, values: Mapping[str, str]) -> object:
    if not isinstance(value, Hole):
        return value
    return int(values[value.name]) if value.number else values[value.name]


@dataclass(frozen=True, slots=True)
class Mould:
    """`ids` and `noise` are the holes that need something new each time; `times` depend on the acts alone.

    Of an id it says how it begins, and how many letters follow. `due` is what is still to happen: when, what,
    and to which id.
    """

    pieces: Sequence[Piece]
    ids: Mapping[str, tuple[str, int]]
    noise: Mapping[str, str]
    times: Mapping[str, When]
    due: Sequence[tuple[When, str, str]]

    def without_events(self) -> Mould:
        """What is left when nobody remembers the events any more."""
        pieces = [piece for piece in self.pieces if piece.prefix != "evt"]
        used = {name for piece in pieces for name in _HOLE.findall(piece.text)}
        ids = {name: spelling for name, spelling in self.ids.items() if name in used}
        noise = {name: like for name, like in self.noise.items() if name in used}
        times = {name: when for name, when in self.times.items() if name in used}
        return Mould(pieces, ids, noise, times, self.due)


class Cutter:
    """Cuts one mould out of what a scene has left behind."""

    def __init__(self, played: Played, currency: str) -> None:
        self._played = played
        self._fee = currencies.fee(AMOUNT, currency)
        self._numbers = self._amounts(played, currency)
        self._holes: dict[str, str] = dict(played.names)
        self.ids: dict[str, str] = {}
        self.noise: dict[str, str] = {}
        self.times: dict[str, When] = {}
        self._whens: dict[int, When] = {}
        self._begun = 0

    def _amounts(self, played: Played, currency: str) -> dict[int, str]:
        withdrawn = AMOUNT + currencies.in_decimals_of(played.stage.world.policy.dispute_fee, currency)
        net = AMOUNT - self._fee
        return {AMOUNT: "amount", PART: "part", self._fee: "fee", net: "net", withdrawn: "withdrawn"}

    def cut(self) -> Mould:
        pieces = [self._piece(prefix, rows, row) for prefix, rows, row in self._made()]
        ids = {name: letters_after(prefix) for name, prefix in self.ids.items()}
        return Mould(pieces, ids, self.noise, self.times, list(self._due()))

    def _due(self) -> Iterator[tuple[When, str, str]]:
        for at, what, subject in self._played.stage.world.schedule.planned():
            if subject in self._holes:
                yield self._when(at), what, self._holes[subject]

    def _made(self) -> Iterator[tuple[str, Collection, Json]]:
        """What the scene itself has made, and not what it found."""
        world = self._played.stage.world
        for prefix, rows in world.collections.items():
            for row in rows.shown():
                if row["created"] >= self._played.acts[0] and row.get("type") != "balance.available":
                    yield prefix, rows, row

    def _piece(self, prefix: str, rows: Collection, row: Json) -> Piece:
        self._begun = row["created"]
        text = msgspec.json.encode(row).decode().replace("%", "%%")
        if "_batch" in row:
            text = text.replace(f'"_batch":"{row["_batch"]}"', '"_batch":"%(batch)s"')
        return Piece(
            prefix=prefix,
            created=self._when(row["created"]),
            id=self._name_of(row["id"]),
            like=likeness(row),
            text=self._cut_numbers(self._cut_words(text)),
            fields=[self._field(name, row.get(name)) for name in rows.indexed],
            counted={name: self._field(name, value) for name, value in rows.counted(row).items()},
            money=self._money(row) if prefix == "txn" else None,
        )

    def _money(self, row: Json) -> Money:
        net: int = row["net"]
        sign = -1 if net < 0 else 1
        ready = self._when(row["available_on"])
        return Money(row["currency"], sign, self._hole_of(abs(net)) or abs(net), ready)

    def _name_of(self, identifier: str) -> str:
        if identifier not in self._holes:
            name = self._holes[identifier] = f"id{len(self.ids)}"
            self.ids[name] = identifier.partition("_")[0]
        return self._holes[identifier]

    def _cut_words(self, text: str) -> str:
        for found in dict.fromkeys(_ID.findall(text)):
            text = text.replace(found, f"%({self._name_of(found)})s")
        for found in dict.fromkeys(_SECRET.findall(text)):
            text = text.replace(found, "%(secret)s")
        for found in dict.fromkeys(_NOISE.findall(text)):
            text = text.replace(f'"{found}"', f'"%({self._noise_of(found)})s"')
        return text.replace(NUMBER, "%(order)s").replace(EMAIL, "%(email)s").replace(NAME, "%(name)s")

    def _noise_of(self, found: str) -> str:
        if found not in self._holes:
            name = self._holes[found] = f"noise{len(self.noise)}"
            self.noise[name] = found
        return self._holes[found]

    def _cut_numbers(self, text: str) -> str:
        return _NUMBER.sub(lambda found: found[1] + self._number(found[2]), text)

    def _number(self, digits: str) -> str:
        hole = self._hole_of(int(digits))
        return digits if hole is None else f"%({hole.name})s"

    def _hole_of(self, number: int) -> Hole | None:
        if abs(number) in self._numbers:
            return Hole(self._numbers[abs(number)], number=True)
        if number >= self._played.acts[0] - DAY:
            when = self._when(number)
            name = f"time{when.act}{'m' if when.midnight else ''}{when.seconds}"
            self.times[name] = when
            return Hole(name, number=True)
        return None

    def _when(self, time: int) -> When:
        """A moment after an act, or else a time of day after the act that the object at hand stems from."""
        if time not in self._whens:
            acts = self._played.acts
            act = self._latest_act(time)
            if time - acts[act] < _SOON:
                self._whens[time] = When(act, midnight=False, seconds=time - acts[act])
            else:
                act = self._latest_act(self._begun)
                self._whens[time] = When(act, midnight=True, seconds=time - acts[act] + acts[act] % DAY)
        return self._whens[time]

    def _latest_act(self, time: int) -> int:
        return max((place for place, begun in enumerate(self._played.acts) if begun <= time), default=0)

    def _field(self, name: str, value: object) -> object:
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int):
            return self._hole_of(value) or value
        if name == "_batch":
            return Hole("batch")
        if value == EMAIL:
            return Hole("email")
        text = str(value)
        return Hole(self._holes[text]) if text in self._holes else text
