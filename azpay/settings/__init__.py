"""What is set, and where it came from."""

from azpay.settings.loading import SettingsInvalid, default_config_file, keyed, load, with_webhook_secrets
from azpay.settings.secret import Secret
from azpay.settings.table import SETTINGS, Setting
from azpay.settings.values import Settings

__all__ = [
    "SETTINGS",
    "Secret",
    "Setting",
    "Settings",
    "SettingsInvalid",
    "default_config_file",
    "keyed",
    "load",
    "with_webhook_secrets",
]
