"""The two typefaces that receipts are set in, and what they can show.

DejaVu Sans has Latin, Greek, Cyrillic and most signs, but no Chinese, Japanese, Korean, Thai or Indic script.
Hebrew and Arabic it has, but setting them takes reordering and joining, which is not done here: they count as
missing, because letters in the wrong order are worse than none.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR, BOLD = "azpay-regular", "azpay-bold"
FILES = {REGULAR: "DejaVuSans.ttf", BOLD: "DejaVuSans-Bold.ttf"}

_FROM_RIGHT = frozenset({"R", "AL"})


@cache
def register() -> None:
    """Make the typefaces known to reportlab, once a process."""
    for name, file in FILES.items():
        source = Path(__file__).parent / "fonts" / file
        pdfmetrics.registerFont(TTFont(name, str(source), asciiReadable=False, shapable=False))


@lru_cache(maxsize=4096)
def can_show(character: str) -> bool:
    """Whether both typefaces have the character and it would stand where a reader expects it."""
    register()
    glyphs = (pdfmetrics.getFont(name).face.charToGlyph for name in FILES)
    in_order = unicodedata.bidirectional(character) not in _FROM_RIGHT
    return in_order and all(ord(character) in known for known in glyphs)


def width(text: str, font: str, size: float) -> float:
    """In points."""
    register()
    return float(pdfmetrics.stringWidth(text, font, size))


def fitting(text: str, room: float, font: str, size: float) -> int:
    """How many of the first characters fit into `room` points."""
    register()
    face = pdfmetrics.getFont(font).face
    widths = (face.charWidths.get(ord(character), face.defaultWidth) for character in text)
    return bisect_right(list(accumulate(widths)), room / size * 1000)
