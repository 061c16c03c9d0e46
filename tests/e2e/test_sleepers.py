"""Who is stopped between the look at a key's age and the request does not send the key on waking."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest

from azpay.gateway.line import TRIES
from tests.e2e.shop import finish, start

if TYPE_CHECKING:
    from tests.e2e.shop import Shop

pytestmark = pytest.mark.slow

CHARGE = ("charge", "19.99", "usd", "--method", "pm_card_visa", "--reference", "order-1")
UNKNOWN, LEFT = 8, 3
"""An exit status; and the seconds for which the key may still be sent when its age is looked at."""

FALLS_ASLEEP = """
import os, signal, sys
from datetime import timedelta
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from azpay import bootstrap, operations, settings

loaded = settings.load(flags={}, env=os.environ, cwd=Path.cwd())
wired = bootstrap.wire(loaded, tell=print)
with wired.db.reading() as session:
    [operation] = operations.open_now(session)
at = operation.created_at + operations.KEY_LIFE - timedelta(seconds=int(sys.argv[1]))
begun = []

def watch(_connection, _cursor, statement, *_):
    begun.extend([True] * ("INSERT INTO operation_attempts" in statement))

def sleep(_session):
    if begun and begun.pop():
        os.kill(os.getpid(), signal.SIGSTOP)

event.listen(Engine, "before_cursor_execute", watch)
event.listen(Session, "after_commit", sleep)
resolver = operations.Resolver(wired.db, wired.gateway, wired.errands, wired.chance)
print(getattr(resolver.resolve(operation.id, now=at).error, "code", "no error"))
"""


def lose_the_next_requests(shop: Shop) -> None:
    body = json.dumps({"fault": "drop-request", "method": "POST", "times": TRIES}).encode()
    urlopen(Request(f"{shop.stripe}/_sandbox/faults", data=body), timeout=10).close()  # noqa: S310


def slept(shop: Shop, seconds: int) -> str:
    """What a resolver said that was stopped for so long between its look at the key's age and the request."""
    program = [sys.executable, "-c", FALLS_ASLEEP, str(LEFT)]
    sleeper = start(program, shop.folder, settings=shop.settings())
    _, status = os.waitpid(sleeper.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    time.sleep(seconds)
    os.kill(sleeper.pid, signal.SIGCONT)
    finished = finish(sleeper)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def test_who_was_stopped_until_the_key_was_too_old_does_not_send_it(shop: Shop) -> None:
    lose_the_next_requests(shop)
    assert shop.azpay(*CHARGE).returncode == UNKNOWN

    told = slept(shop, LEFT + 1)

    assert told == "overslept"
    assert shop.all_at_stripe("payment_intents") == []
    assert len(shop.unsettled()) == 1
