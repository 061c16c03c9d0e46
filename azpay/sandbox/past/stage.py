"""A sandbox of its own on which a scene is played once, to see what Stripe makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from azpay.sandbox.exchange import Desk
from azpay.sandbox.keys import Keys
from azpay.sandbox.resources import WORK
from azpay.sandbox.wire import Request
from azpay.sandbox.world import World

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import Account

_KEY = "sk_test_of_the_past"


class Stage:
    def __init__(self, account: Account, time: int) -> None:
        self.world = World(account, seed=0, time=time)
        self._desk = Desk(self.world, Keys((_KEY,)))

    def post(self, path: str, **params: object) -> Json:
        """The answer, whatever it is."""
        headers = {"authorization": f"Bearer {_KEY}"}
        body = urlencode(_flat(params)).encode()
        answer: Json = msgspec.json.decode(self._desk.answer(Request("POST", path, "", headers, body)).body)
        return answer

    def pass_time(self, until: int) -> None:
        """Everything due happens on the way."""
        world = self.world
        while (due := world.schedule.pop(until)) is not None:
            world.time = max(world.time, due.at)
            WORK[due.what](world, due.on)
        world.time = until


def _flat(params: dict[str, Any], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in params.items():
        key = f"{prefix}[{name}]" if prefix else name
        if isinstance(value, dict):
            flat |= _flat(value, key)
        else:
            flat[key] = str(value).lower() if isinstance(value, bool) else value
    return flat
