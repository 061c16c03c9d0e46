from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.credentials.places import CredentialsRefused

if TYPE_CHECKING:
    from pathlib import Path

    from azpay.credentials.places import Label


class Mounted:
    """Credentials that systemd mounts for a service (`LoadCredential=azpay-shop-stripe-api-key:…`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def title(self) -> str:
        return str(self._folder)

    def find(self, label: Label) -> str | None:
        path = self._folder / f"azpay-{label.profile}-{label.name}"
        try:
            return path.read_text("utf-8").strip() or None
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as unreadable:
            raise CredentialsRefused(f"{path} cannot be read: {type(unreadable).__name__}.") from unreadable
