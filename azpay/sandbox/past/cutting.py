"""From what a scene has left behind to texts with holes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from azpay.sandbox import currencies
from azpay.sandbox.ledger import DAY
from azpay.sandbox.past.moulds import When
from azpay.sandbox.past.scenes import AMOUNT, EMAIL, NAME, NUMBER, PART
from azpay.sandbox.past.setting import BATCH, SECRET, Cut, Cuts, Hole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpay.sandbox.past.moulds import Value
    from azpay.sandbox.past.scenes import Played
    from azpay.sandbox.store import Collection
    from azpay.sandbox.wire import Json

_ID = re.compile(r"(?<![0-9A-Za-z_])((?:pi|ch|re|txn|cus|pm|du|evt|req|po|ba)_[0-9A-Za-z]{10,})")
_SECRET = re.compile(r"(?<=_secret_)([0-9A-Za-z]{10,})")
_NOISE = re.compile(
    r'"(?:authorization_code|network_transaction_id|transaction_id|reference|invoice_prefix|value)":"([0-9A-Za-z]+)"'
)
_NUMBER = re.compile(r"(?<=[:,\[])(-?)(\d{4,10})(?=[,}\]])")
_SOON = DAY // 2


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

    def cut(self) -> Cuts:
        objects = [self._object(prefix, rows, row) for prefix, rows, row in self._made()]
        return Cuts(objects, self.ids, self.noise, self.times, list(self._due()))

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

    def _object(self, prefix: str, rows: Collection, row: Json) -> Cut:
        self._begun = row["created"]
        text = msgspec.json.encode(row).decode().replace("%", "%%")
        if "_batch" in row:
            text = text.replace(f'"_batch":"{row["_batch"]}"', f'"_batch":"%({BATCH})s"')
        identifier = Hole(self._name_of(row["id"]))
        return Cut(
            prefix=prefix,
            created=self._when(row["created"]),
            text=self._cut_numbers(self._cut_words(text)),
            id_and_fields=[identifier, *(self._field(name, row.get(name)) for name in rows.indexed)],
            counted={name: self._field(name, value) for name, value in rows.counted(row).items()},
            money=self._money(row) if prefix == "txn" else None,
        )

    def _money(self, row: Json) -> tuple[str, int, Hole | Value, When]:
        net: int = row["net"]
        ready = self._when(row["available_on"])
        return row["currency"], -1 if net < 0 else 1, self._hole_of(abs(net)) or abs(net), ready

    def _name_of(self, identifier: str) -> str:
        if identifier not in self._holes:
            name = self._holes[identifier] = f"id{len(self.ids)}"
            self.ids[name] = identifier.partition("_")[0]
        return self._holes[identifier]

    def _cut_words(self, text: str) -> str:
        for found in dict.fromkeys(_ID.findall(text)):
            text = text.replace(found, f"%({self._name_of(found)})s")
        for found in dict.fromkeys(_SECRET.findall(text)):
            text = text.replace(found, f"%({SECRET})s")
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

    def _field(self, name: str, value: object) -> Hole | Value:
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int):
            return self._hole_of(value) or value
        if name == "_batch":
            return Hole(BATCH)
        if value == EMAIL:
            return Hole("email")
        text = str(value)
        return Hole(self._holes[text]) if text in self._holes else text
