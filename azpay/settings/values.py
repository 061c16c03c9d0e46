from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from azpay.money import Money
from azpay.settings.table import SETTINGS

if TYPE_CHECKING:
    from datetime import tzinfo
    from ipaddress import IPv4Network, IPv6Network
    from pathlib import Path

    from azpay.settings.permissions import Permissions
    from azpay.settings.secret import Secret

NOT_SET = "not set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is set for this run, and where each value came from.

    `stripe_api_key` is None when it stands in the keyring; `keyed` adds it, checked like any other.
    `warnings` are for a person to read: nothing is refused for them.
    """

    profile: str
    data_dir: Path
    database_url: Secret
    encryption_key: tuple[Secret, ...]
    database_connections: int
    database_connect_seconds: int
    database_lock_seconds: int
    database_statement_seconds: int
    redis_url: Secret | None
    stripe_api_key: Secret | None
    stripe_account: str | None
    stripe_api_base: str
    webhook_secrets: tuple[Secret, ...]
    live: bool
    access: Permissions
    actor: str | None
    refund_approval_above: Mapping[str, int] | None
    refund_approval_hours: int
    host: str
    port: int
    sweep_minutes: int
    inbox_minutes: int
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    log_format: str
    log_level: str
    debug: bool
    timezone: str
    merchant_name: str | None
    merchant_address: str | None
    merchant_tax_id: str | None
    merchant_support: str | None

    config_file: Path
    origins: dict[str, str] = field(repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def zone(self) -> tzinfo:
        from zoneinfo import ZoneInfo

        return ZoneInfo(self.timezone)

    def describe(self) -> list[tuple[str, str, str]]:
        """Name, value fit to be shown, and origin of every setting, in the order of the table."""
        return [
            (setting.name, _shown(getattr(self, setting.name)), self.origins[setting.name])
            for setting in SETTINGS
        ]


def _shown(value: object) -> str:
    if value is None or value == ():
        return NOT_SET
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    if isinstance(value, Mapping):
        return ", ".join(str(Money(amount, currency)) for currency, amount in value.items())
    return str(value)
