"""A sheet on a page of A4, drawn with a pen that only moves down.

Lengths are points. The same sheet gives the same bytes. reportlab's typefaces serve one document at a time,
so drawing takes turns.
"""

from __future__ import annotations

from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING

from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from azpay.receipts.texts import folded
from azpay.receipts.typefaces import BOLD, REGULAR, register, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reportlab.lib.colors import Color

    from azpay.money import Money
    from azpay.receipts.wording import Detail, Sheet, Sum

INK, QUIET, ACCENT = HexColor("#1d2529"), HexColor("#68747b"), HexColor("#1f6f6b")
HAIRLINE, PANEL, AMBER = HexColor("#e2e7e9"), HexColor("#f3f7f6"), HexColor("#9a6700")

PAGE_WIDTH, PAGE_HEIGHT = A4
MARGIN = 60.0
LEFT, RIGHT = MARGIN, PAGE_WIDTH - MARGIN
ROOM = RIGHT - LEFT
TOP = PAGE_HEIGHT - 62
FOOT = 50.0

TITLE, TEXT, SMALL = 13.0, 9.0, 8.0
LEADING, ROW = 13.0, 19.5
FIGURE, UNIT = 32.0, 15.0
PADDING = 22.0
PANEL_HEIGHT = 112.0
VALUES = LEFT + 132
SIDE = 170.0

MINUS = "\N{MINUS SIGN}"

_turn = Lock()

rl_config.useA85 = (
    0  # what is inside stays binary: a fifth smaller than spelled out in ASCII, and sooner done
)


def draw(sheet: Sheet) -> bytes:
    """The sheet as a PDF of one page."""
    register()
    buffer = BytesIO()
    with _turn:
        canvas = Canvas(
            buffer, pagesize=A4, invariant=1, pageCompression=1, initialFontName=REGULAR, lang="en"
        )
        _describe(canvas, sheet)
        below = _letterhead(canvas, sheet, TOP)
        below = _panel(canvas, sheet, below - 29)
        below = _account(canvas, sheet.sums, below - 29)
        _details(canvas, sheet.details, below - 29)
        _footer(canvas, sheet)
        canvas.showPage()
        canvas.save()
    return buffer.getvalue()


def _describe(canvas: Canvas, sheet: Sheet) -> None:
    canvas.setTitle(f"{sheet.title} {sheet.number}")
    canvas.setAuthor(sheet.merchant)
    canvas.setSubject(f"{sheet.hero.label} {sheet.hero.money.display()}")
    canvas.setCreator("azpay")


def _letterhead(canvas: Canvas, sheet: Sheet, y: float) -> float:
    """Who sells on the left, which receipt on the right; where the taller one ends."""
    _right(canvas, y, sheet.title, font=BOLD, size=TITLE, colour=ACCENT)
    _right(canvas, y - 18, sheet.number, font=BOLD, size=TEXT)
    _right(canvas, y - 18 - LEADING, sheet.issued, size=TEXT, colour=QUIET)
    left = y
    for line in folded(sheet.merchant, ROOM - SIDE, font=BOLD, size=TITLE, most=2):
        _text(canvas, LEFT, left, line, font=BOLD, size=TITLE)
        left -= 18
    for line in sheet.address:
        left = _lines(canvas, LEFT, left, folded(line, ROOM - SIDE, font=REGULAR, size=TEXT, most=1))
    return min(left + LEADING, y - 18 - LEADING)


def _panel(canvas: Canvas, sheet: Sheet, top: float) -> float:
    canvas.setFillColor(PANEL)
    canvas.roundRect(LEFT, top - PANEL_HEIGHT, ROOM, PANEL_HEIGHT, 8, stroke=0, fill=1)
    inner = LEFT + PADDING
    _text(canvas, inner, top - 27, sheet.hero.label, size=TEXT, colour=QUIET)
    _figure(canvas, inner, top - 65, sheet.hero.money)
    _text(canvas, inner, top - 92, sheet.hero.below, size=TEXT, colour=QUIET)
    edge = _badge(canvas, RIGHT - PADDING, top - 28, sheet.hero.standing, ACCENT)
    if sheet.test:
        _badge(canvas, edge - 6, top - 28, "Test", AMBER)
    return top - PANEL_HEIGHT


def _figure(canvas: Canvas, x: float, y: float, money: Money) -> None:
    """Large, unless it has so many digits that it would leave the panel."""
    unit, digits = money.display().split(" ")
    room = ROOM - 2 * PADDING - width(f"{unit} ", REGULAR, UNIT)
    text = canvas.beginText(x, y)
    text.setFont(REGULAR, UNIT)
    text.setFillColor(QUIET)
    text.textOut(f"{unit} ")
    text.setFont(BOLD, min(FIGURE, FIGURE * room / width(digits, BOLD, FIGURE)))
    text.setFillColor(INK)
    text.textOut(digits)
    canvas.drawText(text)


def _badge(canvas: Canvas, right: float, y: float, word: str, colour: Color) -> float:
    """A word on a coloured pill; its left edge."""
    wide = width(word, BOLD, SMALL) + 16
    canvas.setFillColor(colour)
    canvas.roundRect(right - wide, y - 5.5, wide, 17, 8.5, stroke=0, fill=1)
    _text(canvas, right - wide + 8, y, word, font=BOLD, size=SMALL, colour=HexColor("#ffffff"))
    return right - wide


def _account(canvas: Canvas, sums: Sequence[Sum], y: float) -> float:
    y = _heading(canvas, "Summary", y)
    for line in sums[:-1]:
        _sum(canvas, y, line, font=REGULAR)
        y = _ruled(canvas, y)
    _sum(canvas, y, sums[-1], font=BOLD)
    return y - 8


def _sum(canvas: Canvas, y: float, line: Sum, *, font: str) -> None:
    _text(canvas, LEFT, y, line.label, font=font, size=TEXT)
    beside = LEFT + width(line.label, font, TEXT) + 10
    _text(canvas, beside, y, line.note, size=SMALL, colour=QUIET)
    _right(canvas, y, _signed(line.money), font=font, size=TEXT)


def _signed(money: Money) -> str:
    return f"{MINUS}{(-money).display()}" if money.amount < 0 else money.display()


def _details(canvas: Canvas, details: Sequence[Detail], y: float) -> None:
    y = _heading(canvas, "Details", y)
    for number, detail in enumerate(details):
        if number:
            y = _ruled(canvas, y)
        _text(canvas, LEFT, y, detail.label, size=TEXT, colour=QUIET)
        lines = folded(detail.value, RIGHT - VALUES, font=REGULAR, size=TEXT, most=detail.lines)
        y = _lines(canvas, VALUES, y, lines, colour=QUIET if detail.quiet else INK) + LEADING


def _footer(canvas: Canvas, sheet: Sheet) -> None:
    y = FOOT + LEADING * (len(sheet.notes) - 1)
    _rule(canvas, y + 20)
    if sheet.support:
        question = folded(f"Questions? {sheet.support}", ROOM / 2, font=REGULAR, size=SMALL, most=1)
        _right(canvas, FOOT, question[0], size=SMALL, colour=ACCENT)
    for note in sheet.notes:
        _text(canvas, LEFT, y, note, size=SMALL, colour=QUIET)
        y -= LEADING


def _heading(canvas: Canvas, word: str, y: float) -> float:
    _text(canvas, LEFT, y, word, font=BOLD, size=TEXT, colour=ACCENT)
    return y - ROW


def _ruled(canvas: Canvas, y: float) -> float:
    _rule(canvas, y - 7)
    return y - ROW


def _rule(canvas: Canvas, y: float) -> None:
    canvas.setStrokeColor(HAIRLINE)
    canvas.setLineWidth(0.6)
    canvas.line(LEFT, y, RIGHT, y)


def _lines(canvas: Canvas, x: float, y: float, lines: Sequence[str], colour: Color = QUIET) -> float:
    for line in lines:
        _text(canvas, x, y, line, size=TEXT, colour=colour)
        y -= LEADING
    return y


def _right(
    canvas: Canvas, y: float, text: str, *, size: float, font: str = REGULAR, colour: Color = INK
) -> None:
    _text(canvas, RIGHT - width(text, font, size), y, text, font=font, size=size, colour=colour)


def _text(  # noqa: PLR0913 - a place, a text, and how it looks
    canvas: Canvas,
    x: float,
    y: float,
    text: str,
    *,
    size: float,
    font: str = REGULAR,
    colour: Color = INK,
) -> None:
    if text:
        canvas.setFont(font, size)
        canvas.setFillColor(colour)
        canvas.drawString(x, y, text)
