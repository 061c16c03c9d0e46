"""Stripe's events, in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from aiohttp import web

from azpay import inbox
from azpay.errors import AzpayError, NotAllowed
from azpay.http import bodies
from azpay.http.intake import Intake
from azpay.http.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from azpay.bootstrap import Azpay
    from azpay.settings import Settings

PATH = "/api/webhooks/stripe"


class NoWebhookSecret(NotAllowed):
    """Without a secret anyone could tell us anything."""

    code = "no_webhook_secret"

    def __init__(self, profile: str) -> None:
        super().__init__(
            f"There is no webhook signing secret for the profile {profile!r}.",
            hint=f"Make an endpoint for https://YOUR-HOST{PATH} in Stripe's dashboard, and put its secret "
            "(whsec_…) into AZPAY_WEBHOOK_SECRETS, or into a file named by AZPAY_WEBHOOK_SECRETS_FILE.",
        )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What it takes to tell a genuine event of ours from any other request."""

    secrets: tuple[str, ...]
    livemode: bool
    account: str | None
    now: Callable[[], datetime]

    @classmethod
    def of(cls, azpay: Azpay) -> Self:
        """Raises NoWebhookSecret."""
        settings = azpay.settings
        secrets = tuple(secret.reveal() for secret in settings.webhook_secrets)
        if not secrets:
            raise NoWebhookSecret(settings.profile)
        return cls(secrets, settings.live, settings.stripe_account, azpay.now)

    def read(self, body: bytes, signature: str | None) -> inbox.Received:
        """Raises SignatureInvalid or EventUnreadable."""
        return inbox.read(body, signature, self.secrets, now=self.now())


class Door:
    """The endpoint as it stands now: its secrets can be replaced while the daemon runs."""

    def __init__(self, azpay: Azpay) -> None:
        self._azpay = azpay
        self.endpoint = Endpoint.of(azpay)

    def change(self, settings: Settings) -> None:
        """Take over what the settings say now. Raises NoWebhookSecret, and then nothing has changed."""
        self.endpoint = Endpoint.of(replace(self._azpay, settings=settings))


DOOR = web.AppKey("door", Door)
INTAKE = web.AppKey("intake", Intake)


async def stripe_webhook(request: web.Request) -> web.Response:
    """Keep the event and say so. Handling it is the worker's business."""
    counters, endpoint = request.app[METRICS].counters, request.app[DOOR].endpoint
    event = None
    try:
        event = endpoint.read(await bodies.raw(request), request.headers.get("Stripe-Signature"))
        inbox.require_ours(event, livemode=endpoint.livemode, account=endpoint.account)
        await request.app[INTAKE].keep(event)
    except AzpayError as error:
        counters.refused(error.code, event)
        raise
    counters.kept(event, lag=endpoint.now().timestamp() - event.envelope.created)
    return web.Response()
