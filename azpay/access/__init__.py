"""Who may do what. So far: whether real money may move."""

from azpay.access.live import LiveAccountMismatch, LiveRefused, require_account

__all__ = ["LiveAccountMismatch", "LiveRefused", "require_account"]
