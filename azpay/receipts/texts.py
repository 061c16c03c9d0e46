"""Text from outside, made fit to be drawn.

Nothing in it is read as markup. What is invisible (controls, bidirectional overrides, zero-width characters)
is left out, and white space of any kind becomes one space. What the typefaces cannot show is decided by whose
text it is. The merchant's own name or address must be right: a missing character is an error. A description
or a reference came from somewhere else and must not keep a customer from their receipt, so a box stands for
the character, and a line at the foot says so.
"""

from __future__ import annotations

import re
import unicodedata

from azpay.errors import NotAllowed
from azpay.logs import looks_like_card_number, redact
from azpay.receipts import typefaces

BOX = "\N{WHITE SQUARE}"
LONGEST = 2000
"""More characters than fit into the room that any text gets."""

_CONTROLS = frozenset({"Cc", "Cf"})
_VARIATIONS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


class GlyphMissing(NotAllowed):
    """A setting of the merchant's holds a character that receipts cannot show."""

    code = "glyph_missing"

    def __init__(self, character: str, setting: str) -> None:
        name = unicodedata.name(character, "a character without a name")
        super().__init__(
            f"Receipts cannot show U+{ord(character):04X} ({name}) in {setting}.",
            hint=f"Write {setting} in Latin, Greek or Cyrillic letters.",
        )


def ours(text: str, setting: str) -> str:
    """A line of the merchant's own. Raises GlyphMissing."""
    clean = _clean(text)
    for character in clean:
        if not typefaces.can_show(character):
            raise GlyphMissing(character, setting)
    return clean


def theirs(text: str) -> str:
    """A line from elsewhere, with a box for each character that cannot be shown."""
    if looks_like_card_number(text[:LONGEST]):
        text = redact(text[:LONGEST])
    return "".join(character if typefaces.can_show(character) else BOX for character in _clean(text))


def folded(text: str, room: float, *, font: str, size: float, most: int) -> list[str]:
    """At most `most` lines of `room` points each; what does not fit ends in an ellipsis."""
    lines: list[str] = []
    while text and len(lines) < most:
        cut = _cut(text, typefaces.fitting(text, room, font, size))
        lines.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    if text:
        end = typefaces.fitting(lines[-1], room - typefaces.width("…", font, size), font, size)
        lines[-1] = lines[-1][:end].rstrip() + "…"
    return lines


def _clean(text: str) -> str:
    composed = unicodedata.normalize("NFC", text[:LONGEST])
    return " ".join(_VARIATIONS.sub("", "".join(map(_shown, composed))).split())


def _shown(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in _CONTROLS else character


def _cut(text: str, fits: int) -> int:
    """Where a line ends: behind its last whole word, or in the middle of one that is longer than a line."""
    if fits >= len(text):
        return len(text)
    space = text.rfind(" ", 0, fits + 1)
    return space if space > 0 else max(fits, 1)
