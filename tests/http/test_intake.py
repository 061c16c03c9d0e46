"""One commit for all who wait, and an answer for each."""

from __future__ import annotations

import asyncio
from threading import Event
from typing import TYPE_CHECKING

import pytest

from azpay import inbox
from azpay.errors import Unavailable
from azpay.http.intake import Intake, NotKept
from tests.support.clock import NOON
from tests.support.events import an_event, encoded, signed
from tests.support.webhooks import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from azpay.inbox import Received


class Store:
    """A store that is as slow as a test wants it: it opens with `open.set()`."""

    def __init__(self) -> None:
        self.open = Event()
        self.commits: list[list[str]] = []
        self.trouble: Exception | None = None

    def __call__(self, events: Sequence[Received]) -> int:
        self.open.wait(10)
        if self.trouble is not None:
            raise self.trouble
        self.commits.append([event.envelope.id for event in events])
        return len(events)


@pytest.fixture
def shelf() -> Iterator[Store]:
    shelf = Store()
    yield shelf
    shelf.open.set()


def received(event: str) -> Received:
    body = encoded(an_event(event))
    return inbox.read(body, signed(body)["Stripe-Signature"], [SECRET], now=NOON)


async def test_what_arrives_during_a_commit_shares_the_next_one(shelf: Store) -> None:
    taking = Intake(shelf)
    waiting = [asyncio.create_task(taking.keep(received(f"evt_{number}"))) for number in range(5)]
    await asyncio.sleep(0.05)
    late = [asyncio.create_task(taking.keep(received(f"evt_late_{number}"))) for number in range(3)]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in waiting)

    shelf.open.set()
    await asyncio.gather(*waiting, *late)

    assert [len(commit) for commit in shelf.commits] == [5, 3]
    taking.close()


@pytest.mark.parametrize("trouble", [Unavailable("The disk is full."), RuntimeError("a bug")], ids=repr)
async def test_a_commit_that_fails_fails_all_who_shared_it_and_none_after(
    shelf: Store, trouble: Exception
) -> None:
    taking = Intake(shelf)
    shelf.open.set()
    shelf.trouble = trouble
    failed = await asyncio.gather(
        *(taking.keep(received(f"evt_{number}")) for number in range(3)), return_exceptions=True
    )
    shelf.trouble = None

    await taking.keep(received("evt_after"))

    assert [type(error) for error in failed] == [NotKept] * 3
    assert shelf.commits == [["evt_after"]]
    taking.close()


async def test_nobody_waits_for_ever_for_a_store_that_hangs(shelf: Store) -> None:
    taking = Intake(shelf, seconds=0.1)

    with pytest.raises(NotKept):
        await taking.keep(received("evt_1"))

    taking.close()


async def test_a_client_that_leaves_does_not_disturb_the_others(shelf: Store) -> None:
    taking = Intake(shelf)
    leaves = asyncio.create_task(taking.keep(received("evt_left")))
    stays = asyncio.create_task(taking.keep(received("evt_stays")))
    await asyncio.sleep(0.05)
    leaves.cancel()

    shelf.open.set()
    await stays

    assert shelf.commits == [["evt_left", "evt_stays"]]
    taking.close()


async def test_when_too_many_wait_the_next_is_sent_away_at_once(shelf: Store) -> None:
    taking = Intake(shelf, room=2)
    in_hand = asyncio.create_task(taking.keep(received("evt_0")))
    await asyncio.sleep(0.05)
    waiting = [asyncio.create_task(taking.keep(received(f"evt_{number}"))) for number in (1, 2)]
    await asyncio.sleep(0.05)

    with pytest.raises(NotKept):
        await taking.keep(received("evt_3"))

    shelf.open.set()
    await asyncio.gather(in_hand, *waiting)
    taking.close()
