"""An object that Stripe has made, with holes where its particulars were: ids, amounts, times, names.

What fills the holes makes another one of the kind, at a fraction of what it costs to live through it. Because
the mould is taken from what the sandbox itself has made, the past looks like the present in every field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, cast

from azpay.sandbox.ids import stream
from azpay.sandbox.ledger import DAY
from azpay.sandbox.plates import OWN, told
from azpay.sandbox.store import Remains

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Value: TypeAlias = "str | int | bool | None"
Values: TypeAlias = "list[Value]"
"""What fills the holes of one mould: its story, constants and the story's numbers as such, and last what an
object has of its own."""


class Source(Protocol):
    """Where the value of a hole comes from: what is known, the times of the acts, or fresh letters."""

    def told(self, known: Mapping[str, str], acts: Sequence[int], letters: str) -> str: ...


class Known(NamedTuple):
    name: str

    def told(self, known: Mapping[str, str], _acts: Sequence[int], _letters: str) -> str:
        return known[self.name]


class When(NamedTuple):
    """So many seconds after an act, or after the midnight before it."""

    act: int
    midnight: bool
    seconds: int

    def at(self, acts: Sequence[int]) -> int:
        time = acts[self.act]
        return (time - time % DAY if self.midnight else time) + self.seconds

    def told(self, _known: Mapping[str, str], acts: Sequence[int], _letters: str) -> str:
        return str(self.at(acts))


class Spelling(NamedTuple):
    """What is new each time: how it begins, and which letters follow. Noise is `like` other noise."""

    begins: str
    since: int
    until: int
    like: str = ""

    def told(self, _known: Mapping[str, str], _acts: Sequence[int], letters: str) -> str:
        chosen = letters[self.since : self.until]
        return self.begins + (_noise(chosen, self.like) if self.like else chosen)


def _noise(letters: str, like: str) -> str:
    """The same kind of letters as in the example."""
    if like.isdigit():
        return "".join(str(ord(letter) % 10) for letter in letters)
    return letters.upper() if like.isupper() else letters


class Money(NamedTuple):
    """What a balance transaction adds to the balance, and when that can be paid out. `net` is a place."""

    currency: str
    sign: int
    net: int
    ready: When

    def filled(self, values: Values) -> int:
        return self.sign * cast("int", values[self.net])


@dataclass(frozen=True, slots=True)
class Piece:
    """One object of a mould. `counted` are places of values."""

    prefix: str
    created: When
    plate: str
    id_and_fields: Callable[[Values], Sequence[object]]
    counted: Mapping[str, int]
    money: Money | None

    def remains(self, created: int, story: int, values: Values) -> Remains:
        counted = {name: cast("int", values[place]) for name, place in self.counted.items()}
        own = cast("str", values[OWN])
        return Remains(created, self.plate, story, own, self.id_and_fields(values), counted)


@dataclass(frozen=True, slots=True)
class Mould:
    """`others` stand behind the story, `numbers` are places of theirs and where in the story each is spelled.

    `due` is what is still to happen: when, what, and the place of the id that it happens to.
    """

    pieces: Sequence[Piece]
    sources: Sequence[Source]
    letters: int
    others: Values
    numbers: Sequence[tuple[int, int]]
    due: Sequence[tuple[When, str, int]]

    def fill(self, known: Mapping[str, str], acts: Sequence[int], name: str) -> tuple[bytes, Values]:
        """The story as it is kept, and all values. What is new each time follows from `name`."""
        letters = stream(name, self.letters)
        story = [source.told(known, acts, letters) for source in self.sources]
        values: Values = [*story, *self.others]
        for place, spelled in self.numbers:
            values[place] = int(story[spelled])
        return told(story), values
