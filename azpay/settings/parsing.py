"""From what was written to a value that cannot be wrong.

Each function raises `ValueError` with the end of a sentence that begins with the setting's name. Those that
read secrets never repeat what they read.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from azpay.settings.secret import Secret, masked

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Network, IPv6Network
    from urllib.parse import SplitResult

_LONGEST = 500
_LONGEST_QUOTE = 60
_LOOPBACK = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|::1")
PROFILE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_ACCOUNT = re.compile(r"acct_[A-Za-z0-9]{1,64}")
_STRIPE_KEY = re.compile(r"(sk|rk)_(test|live)_[A-Za-z0-9_]{1,240}")
_WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9_+/=]{1,240}")
_RECOVERY_KEY = re.compile(r"AZPAY(-[0-9A-Z]{7}){8}", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}")
_HIGHEST_PORT = 65535
_MINUTES_OF_A_DAY = 24 * 60
_REDIS = ("redis://", "rediss://", "unix://")
_DATABASES = ("sqlite:///", "postgresql://", "postgresql+psycopg://")


def quoted(text: str) -> str:
    """What was written, short and in ASCII; a key that landed in the wrong setting stays hidden."""
    if re.match(r"[sr]k_|whsec_|[a-z0-9+]+://[^/]*@", text):
        text = masked(text).replace("…", "...")
    return ascii(text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "...")


def plain_text(text: str) -> str:
    if len(text) > _LONGEST or not text.isprintable():
        raise ValueError(f"must be printable text of at most {_LONGEST} characters.")
    return text


def lines_of_text(text: str) -> str:
    r"""Several lines in one value, separated by `\n` as written in a shell or by real line ends."""
    lines = [plain_text(line.strip()) for line in text.replace("\\n", "\n").splitlines()]
    return "\n".join(line for line in lines if line)


def one_of(*choices: str) -> Callable[[str], str]:
    def choose(text: str) -> str:
        if text not in choices:
            raise ValueError(f"is {quoted(text)}; it must be one of {', '.join(choices)}.")
        return text

    return choose


def number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if _NUMBER.fullmatch(text) is None or not least <= int(text) <= most:
            raise ValueError(f"is {quoted(text)}; a whole number from {least} to {most}.")
        return int(text)

    return read


def yes_or_no(text: str) -> bool:
    return one_of("true", "false")(text) == "true"


def switch(text: str) -> bool:
    """As people write it in a shell."""
    return one_of("1", "0", "true", "false")(text) in {"1", "true"}


def profile_name(text: str) -> str:
    if PROFILE.fullmatch(text) is None:
        raise ValueError(f"is {quoted(text)}; a profile is named in lower-case letters, digits, - and _.")
    return text


def port(text: str) -> int:
    if text.startswith("tcp://"):
        raise ValueError(
            f"is {quoted(text)}: Kubernetes sets it for a service called azpay. "
            "Set enableServiceLinks: false in the pod, or rename the service."
        )
    if _PORT.fullmatch(text) is None or int(text) > _HIGHEST_PORT:
        raise ValueError(f"is {quoted(text)}; a port is a number from 0 (any free one) to 65535.")
    return int(text)


def host(text: str) -> str:
    if _HOST.fullmatch(text) is None:
        raise ValueError(f"is {quoted(text)}; use a host name or an address, such as 127.0.0.1.")
    return text


def minutes(text: str) -> int:
    if _PORT.fullmatch(text) is None or int(text) > _MINUTES_OF_A_DAY:
        raise ValueError(f"is {quoted(text)}; write minutes, from 0 (never) to {_MINUTES_OF_A_DAY}.")
    return int(text)


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Addresses and networks, separated by commas; `none` for none."""
    if text == "none":
        return ()
    from ipaddress import ip_network

    try:
        return tuple(ip_network(part.strip()) for part in text.split(","))
    except ValueError:
        raise ValueError(
            f"is {quoted(text)}; write addresses or networks such as 10.0.0.5,10.1.0.0/16, or none."
        ) from None


def folder(text: str) -> Path:
    """An absolute path. A relative one would move the book of payments with the working directory."""
    plain_text(text)
    try:
        path = Path(text).expanduser()
    except RuntimeError as unknown:
        raise ValueError(f"is {quoted(text)}, and that user has no home folder.") from unknown
    if not path.is_absolute():
        raise ValueError(f"is {quoted(text)}; it must be an absolute path, or begin with ~.")
    return path


def time_zone(text: str) -> str:
    if text == "UTC":
        return text
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(text).key
    except (KeyError, ValueError, OSError) as unknown:
        raise ValueError(f"is {quoted(text)}; use an IANA name, such as Europe/Paris or UTC.") from unknown


def database_url(text: str) -> Secret:
    if not text.startswith(_DATABASES) or not text.isprintable():
        raise ValueError(f"must begin with one of {', '.join(_DATABASES)}.")
    return Secret(text)


def redis_url(text: str) -> Secret:
    if not text.startswith(_REDIS) or not text.isprintable():
        raise ValueError(f"must begin with one of {', '.join(_REDIS)}.")
    return Secret(text)


def stripe_account(text: str) -> str:
    if _ACCOUNT.fullmatch(text) is None:
        raise ValueError(f"is {quoted(text)}; an account id begins with acct_.")
    return text


def stripe_api_key(text: str) -> Secret:
    if text.startswith("pk_"):
        raise ValueError(
            "is a publishable key (pk_), which cannot move money. "
            "Use the secret (sk_) or, better, a restricted key (rk_) from the same page of the Dashboard."
        )
    if _STRIPE_KEY.fullmatch(text) is None:
        raise ValueError("is not a Stripe key: they begin with sk_test_, rk_test_, sk_live_ or rk_live_.")
    return Secret(text)


def webhook_secrets(text: str) -> tuple[Secret, ...]:
    """Several, separated by commas, so that an old and a new one hold during a rotation."""
    found = [secret.strip() for secret in text.split(",")]
    if not all(_WEBHOOK_SECRET.fullmatch(secret) for secret in found):
        raise ValueError("must be signing secrets that begin with whsec_, separated by commas, none empty.")
    return tuple(Secret(secret) for secret in dict.fromkeys(found))


def encryption_key(text: str) -> tuple[Secret, ...]:
    """Several, the newest first, so that a book can be moved from one to the next."""
    found = [key.strip() for key in text.split(",")]
    if not all(_RECOVERY_KEY.fullmatch(key) for key in found):
        raise ValueError("must be recovery keys, AZPAY- and eight groups of seven, separated by commas.")
    return tuple(Secret(key) for key in dict.fromkeys(found))


def api_base(text: str) -> str:
    """`https://` anywhere, `http://` on this machine only: a key must not cross a wire in the clear."""
    parts = _split(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not text.isprintable():
        raise ValueError(f"is {quoted(text)}; use a URL such as https://api.stripe.com.")
    if parts.username or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"is {quoted(text)}; give only scheme, host and port.")
    if parts.scheme == "http" and not is_loopback(text):
        raise ValueError(f"is {quoted(text)}; without TLS only this machine (127.0.0.1) is allowed.")
    return text.rstrip("/")


def is_loopback(url: str) -> bool:
    return _LOOPBACK.fullmatch(urlsplit(url).hostname or "") is not None


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as unreadable:
        raise ValueError(f"is {quoted(text)}, which is not a URL.") from unreadable
    return parts
