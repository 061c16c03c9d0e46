"""Speaking to a sandbox's control API, after making sure that it is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azpay.errors import Conflict, Refused, Unavailable

if TYPE_CHECKING:
    import httpx

TIMEOUT = 60.0


class NotASandbox(Refused):
    """Stripe itself, or something else, answers where a sandbox is needed."""

    code = "not_a_sandbox"

    def __init__(self, stripe: str) -> None:
        super().__init__(
            f"What answers at {stripe} is not a sandbox, and only a sandbox can be given a past.",
            hint="Start azpay sandbox, and use --profile sandbox; or leave --months out.",
        )


class SandboxRefuses(Conflict):
    """The sandbox will not do that."""

    code = "sandbox_refuses"


class SandboxUnreachable(Unavailable):
    """Nothing answers."""

    code = "sandbox_unreachable"

    def __init__(self, stripe: str) -> None:
        super().__init__(f"Nothing answers at {stripe}.", hint="Start azpay sandbox, in another terminal.")


def ask(stripe: str, what: str, order: dict[str, Any]) -> dict[str, Any]:
    """The answer to `POST /_sandbox/WHAT`."""
    import httpx

    try:
        with httpx.Client(base_url=stripe, timeout=TIMEOUT, trust_env=False) as client:
            if not _is_sandbox(client.get("/_sandbox/health")):
                raise NotASandbox(stripe)
            answer = client.post(f"/_sandbox/{what}", json=order)
    except httpx.TransportError as error:
        raise SandboxUnreachable(stripe) from error
    told: dict[str, Any] = answer.json()
    if not answer.is_success:
        raise SandboxRefuses(told["error"])
    return told


def _is_sandbox(answer: httpx.Response) -> bool:
    if not answer.is_success or "json" not in answer.headers.get("content-type", ""):
        return False
    told = answer.json()
    return isinstance(told, dict) and told.get("status") == "ok" and "account" in told
