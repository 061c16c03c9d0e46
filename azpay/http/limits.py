"""How much anyone may send, and how long they may take over it."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

LARGEST_BODY = 256 * 1024
"""Stripe's events have a few kilobytes; the largest have some tens."""


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds."""

    idle: float = 15.0
    """Without a whole request's head: between two requests, or while one trickles in."""
    body: float = 10.0
    lingering: float = 2.0
    """For the rest of a body that was refused."""


PATIENCE = web.AppKey("patience", Patience)
