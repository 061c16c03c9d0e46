"""Who is asking: the address of the client, also behind reverse proxies.

`X-Forwarded-For` is written by whoever likes to. Only what a proxy of ours has added to it is believed: read
from the right, past the proxies that we trust, up to the first address that is not one of them.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from ipaddress import IPv4Network, IPv6Network

    Network = IPv4Network | IPv6Network

FORWARDED_FOR = "X-Forwarded-For"
MOST_HOPS = 20
MOST_KNOWN = 1024
"""Addresses that were looked at before: a proxy is the same one every time."""


class Proxies:
    """The networks that our own reverse proxies stand in."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = trusted
        self._is_ours = lru_cache(MOST_KNOWN)(self._stands_in_our_networks)

    def client(self, request: web.BaseRequest) -> str | None:
        """The address that the request came from; None for a connection without one (a Unix socket)."""
        peer = request.remote
        if not peer:
            return None
        if not self._is_ours(peer) or FORWARDED_FOR not in request.headers:
            return peer
        nearest = peer
        for hop in _hops(request):
            if not _is_address(hop):
                return nearest
            if not self._is_ours(hop):
                return hop
            nearest = hop
        return nearest

    def _stands_in_our_networks(self, address: str) -> bool:
        found = ip_address(address)
        mapped = getattr(found, "ipv4_mapped", None) or found
        return any(mapped in network for network in self._trusted)


PROXIES = web.AppKey("proxies", Proxies)


def _hops(request: web.BaseRequest) -> Iterator[str]:
    """What the headers say, the nearest first."""
    written = ",".join(request.headers.getall(FORWARDED_FOR, []))
    return (hop.strip() for hop in reversed(written.split(",")[-MOST_HOPS:]))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
