"""Objects of which many are alike, as long as nobody changes them: kept as what sets them apart, and no more.

A plate is the JSON of such an object with holes, `%(2)s`. What fills the holes is a story, which all objects
share that were made together; the last value is the object's own. So an object takes a few bytes, and can be
shown without being read: what a version shows of it, it shows of all that have the same plate.
"""

from __future__ import annotations

import re
from operator import itemgetter
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from azpay.sandbox.wire import Json

Look: TypeAlias = "Callable[[Json], Json]"
"""What is shown of an object. It must not depend on what fills the holes; equal looks show the same."""

MOST = 1 << 15
"""How many plates there can be. Their numbers are kept beyond those of a `Press`."""
OWN = -1
"""The hole for a value that is not in the story."""

_KEPT = Struct(">HI")
_IS_PRINT = 0x80
_SEPARATOR = "\x1f"
_HOLE = re.compile(r"%\((-?\d+)\)s")
_MARK = "777000777{:05}777"
"""Fills a hole for a while, be it a number's or a text's."""
_MARKED = re.compile(r"777000777(\d{5})777")


def kept(plate: int, story: int, own: str) -> bytes:
    return _KEPT.pack(plate + MOST, story) + own.encode()


def is_print(body: bytes) -> bool:
    """Whether `kept` made this, and not a `Press`."""
    return body[0] >= _IS_PRINT


def taken_apart(body: bytes) -> tuple[int, int, bytes]:
    """What was given to `kept`."""
    plate, story = _KEPT.unpack_from(body)
    return plate - MOST, story, body[_KEPT.size :]


def with_own(body: bytes, own: str) -> bytes:
    """The same print with another value of its own."""
    return body[: _KEPT.size] + own.encode()


def told(values: Sequence[str]) -> bytes:
    """A story, as it is kept."""
    return _SEPARATOR.join(values).encode()


class _Template(NamedTuple):
    text: bytes
    pick: Callable[[Sequence[bytes]], object]

    @classmethod
    def of(cls, text: str) -> _Template:
        holes = [int(place) for place in _HOLE.findall(text)]
        return cls(_HOLE.sub("%s", text).encode(), itemgetter(*holes))

    def filled(self, values: Sequence[bytes]) -> bytes:
        return self.text % self.pick(values)


class Plate:
    """Every one has two holes at least: an id, and a time."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._seen: dict[Look | None, _Template] = {}

    def printed(self, values: Sequence[bytes]) -> bytes:
        template = self._seen.get(None)
        if template is None:
            template = self._seen[None] = _Template.of(self._text)
        return template.filled(values)

    def shown(self, values: Sequence[bytes], look: Look, read: Callable[[bytes], Json]) -> bytes:
        template = self._seen.get(look)
        if template is None:
            template = self._seen[look] = _Template.of(self._looked_at(look, read))
        return template.filled(values)

    def _looked_at(self, look: Look, read: Callable[[bytes], Json]) -> str:
        marked = _HOLE.sub(lambda hole: _MARK.format(int(hole[1]) + 1), self._text) % ()
        shown = msgspec.json.encode(look(read(marked.encode()))).decode().replace("%", "%%")
        return _MARKED.sub(lambda mark: f"%({int(mark[1]) - 1})s", shown)


class Print(NamedTuple):
    """An object that nobody has looked into."""

    plate: Plate
    values: Sequence[bytes]
    read: Callable[[bytes], Json]

    def row(self) -> Json:
        return self.read(self.plate.printed(self.values))

    def shown(self, look: Look) -> msgspec.Raw:
        return msgspec.Raw(self.plate.shown(self.values, look, self.read))


class Plates:
    """All plates of a database, by their numbers."""

    def __init__(self) -> None:
        self.learn(())

    def learn(self, texts: Iterable[str]) -> None:
        """These, and no others."""
        self._texts = list(texts)
        self._numbers = {text: number for number, text in enumerate(self._texts)}
        self._ready: dict[int, Plate] = {}
        self._known = len(self._texts)

    def take_new(self) -> list[tuple[int, str]]:
        """The plates that were made since this was last asked."""
        known, self._known = self._known, len(self._texts)
        return list(enumerate(self._texts[known:], known))

    def number(self, text: str) -> int:
        """Of the plate with this text, which is made if need be."""
        found = self._numbers.get(text)
        if found is None:
            found = self._numbers[text] = len(self._texts)
            self._texts.append(text)
        return found

    def __getitem__(self, number: int) -> Plate:
        plate = self._ready.get(number)
        if plate is None:
            plate = self._ready[number] = Plate(self._texts[number])
        return plate


def values(story: bytes, own: bytes) -> list[bytes]:
    return [*story.split(_SEPARATOR.encode()), own]
