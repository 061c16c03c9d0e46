"""What may be shown to a person, and whether one is looking."""

from __future__ import annotations

import os
import re
from typing import IO

import typer

UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # controls: ESC opens a terminal's command language
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff"  # bidirectional overrides, invisible spaces
    "\ud800-\udfff\U000e0000-\U000e007f]"  # bytes that were not UTF-8, tags
)


def visible(text: str) -> str:
    """Show what a terminal would obey or hide: an ESC becomes the four characters `\\x1b`."""
    return UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def is_rich(stream: IO[str]) -> bool:
    """Whether a person looks at the stream, or CLICOLOR_FORCE asks to pretend so."""
    return stream.isatty() or _colour_forced()


def is_coloured(stream: IO[str]) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return _colour_forced() or (stream.isatty() and os.environ.get("TERM") != "dumb")


def styled(text: str, stream: IO[str], colour: str, *, reverse: bool = False) -> str:
    return typer.style(text, fg=colour, bold=True, reverse=reverse) if is_coloured(stream) else text


def _colour_forced() -> bool:
    return os.environ.get("CLICOLOR_FORCE", "0") not in {"", "0"}
