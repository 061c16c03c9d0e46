"""Trouble by chance: which share of the requests is struck by which fault.

One number is drawn for every request. It depends on the seed and on how many were drawn before, and on
nothing else, so that the same seed and the same requests meet the same faults.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from azpay.sandbox.mishaps import NAMED, named

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from azpay.sandbox.mishaps import Mishap
    from azpay.sandbox.wire import Json, Request

_WHOLE = 1_000_000
"""Shares are counted in millionths."""


class ChaosUnreadable(ValueError):
    """A chaos profile that cannot be followed, and why."""


class Strike(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`share` of the requests that fit, from 0 to 1, meet `fault`. An empty path or method fits every one."""

    fault: str
    share: Decimal
    path: str = ""
    method: str = ""
    seconds: float | None = None

    def fits(self, request: Request) -> bool:
        return request.path.startswith(self.path) and self.method in ("", request.method)


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seed: int = 0
    strike: tuple[Strike, ...] = ()


def _evenly(share: str, *faults: str, path: str = "", method: str = "") -> tuple[Strike, ...]:
    return tuple(Strike(fault, Decimal(share), path, method) for fault in faults)


MILD = (
    *_evenly("0.005", "429", "lock_timeout", "500", "503", "drop-request", "drop-answer"),
    Strike("latency", Decimal("0.02"), seconds=0.3),
)
STORM = (
    *_evenly("0.02", "429", "endpoint-rate", "lock_timeout", "409", "500", "502", "503"),
    *_evenly("0.03", "drop-request", "drop-answer", "half-answer", "garbage"),
    *_evenly("0.02", "500-effect", "500-stored", method="POST"),
    Strike("timeout-answer", Decimal("0.01"), seconds=5),
    Strike("timeout-request", Decimal("0.01"), seconds=5),
    Strike("latency", Decimal("0.05"), seconds=1),
)
PROFILES = {"calm": (), "mild": MILD, "storm": STORM}


@dataclass(slots=True)
class Chaos:
    """A profile that is followed. `drawn` is how many requests have been drawn for."""

    profile: Profile = field(default_factory=Profile)
    drawn: int = 0

    def draw(self, request: Request) -> Mishap | None:
        if not self.profile.strike:
            return None
        self.drawn += 1
        number = _draw(self.profile.seed, self.drawn)
        for strike in self.profile.strike:
            if strike.fits(request):
                number -= int(strike.share * _WHOLE)
                if number < 0:
                    return named(strike.fault, strike.seconds)
        return None

    def dump(self) -> Json:
        return {"profile": msgspec.to_builtins(self.profile), "drawn": self.drawn}

    @classmethod
    def load(cls, data: Json) -> Chaos:
        return cls(msgspec.convert(data["profile"], Profile, strict=False), data["drawn"])


def _draw(seed: int, number: int) -> int:
    digest = blake2b(f"chaos:{seed}:{number}".encode(), digest_size=16).digest()
    return int.from_bytes(digest, "big") % _WHOLE


def known_profile(name: str, *, seed: int = 0) -> Profile:
    """Raises ChaosUnreadable for a name that is none of `PROFILES`."""
    if name not in PROFILES:
        raise ChaosUnreadable(f"There is no chaos profile {name[:40]!r}. Known are {', '.join(PROFILES)}.")
    return Profile(seed, PROFILES[name])


def read_profile(file: Path, *, seed: int = 0) -> Profile:
    """A profile from a TOML file. `seed` counts when the file names none. Raises ChaosUnreadable."""
    try:
        content = tomllib.loads(file.read_text("utf-8"), parse_float=Decimal)
    except OSError as error:
        raise ChaosUnreadable(f"{file} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ChaosUnreadable(f"{file} is not TOML: {error}.") from error
    try:
        return checked_profile({"seed": seed, **content})
    except ChaosUnreadable as error:
        raise ChaosUnreadable(f"{file}: {error}") from error


def checked_profile(content: dict[str, Any]) -> Profile:
    """A profile from plain values. Raises ChaosUnreadable, with the place of what is wrong."""
    try:
        profile = msgspec.convert(content, Profile, strict=False)
    except msgspec.ValidationError as error:
        raise ChaosUnreadable(f"{error}.") from error
    for place, strike in enumerate(profile.strike, 1):
        _check_strike(strike, f"strike {place}")
    _check_shares(profile.strike)
    return profile


def _check_strike(strike: Strike, place: str) -> None:
    if strike.fault not in NAMED:
        raise ChaosUnreadable(f"{place}: no fault {strike.fault[:40]!r}. Known are {', '.join(NAMED)}.")
    if not strike.share.is_finite() or not 0 <= strike.share <= 1:
        raise ChaosUnreadable(f"{place}: the share {strike.share} is not between 0 and 1.")
    try:
        named(strike.fault, strike.seconds)
    except ValueError as error:
        raise ChaosUnreadable(f"{place}: {error}") from error


def _check_shares(strikes: Iterable[Strike]) -> None:
    """Strikes on the same requests must leave room for each other."""
    total = sum((strike.share for strike in strikes), Decimal(0))
    if total > 1:
        raise ChaosUnreadable(f"The shares add up to {total}, which is more than 1.")
