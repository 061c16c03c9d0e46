"""The table of settings as text: `.env.example`, and the reference in the documentation.

`python -m azpay.settings.example > .env.example` writes the first.
"""

from __future__ import annotations

import sys
from itertools import groupby
from typing import TYPE_CHECKING

from azpay.settings.table import SETTINGS, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREAMBLE = """\
# azpay reads these from the environment, or from a file named .env in the folder it starts in.
# A flag wins over the environment, that over .env, that over the profile in the configuration file.
# A secret may stand in a file of its own: AZPAY_STRIPE_API_KEY_FILE=/run/secrets/stripe and the like.
"""


def env_example() -> str:
    groups = groupby((setting for setting in SETTINGS if not setting.profile_only), lambda each: each.group)
    return "\n".join([_PREAMBLE, *(_group(name, settings) for name, settings in groups)])


def reference() -> str:
    """A Markdown table of every setting."""
    rows = [
        f"| `{setting.name}` | {_variable(setting)} | {_default(setting)} | {setting.help} |"
        for setting in SETTINGS
    ]
    return "\n".join(["| setting | environment | default | |", "|---|---|---|---|", *rows, ""])


def _group(name: str, settings: Iterator[Setting]) -> str:
    return "\n".join([f"# {name}", "", *(_commented(setting) for setting in settings)])


def _commented(setting: Setting) -> str:
    return f"# {setting.help}\n# {setting.variable}={setting.default or setting.example}\n"


def _variable(setting: Setting) -> str:
    if setting.profile_only:
        return "only in a profile"
    return f"`{setting.variable}`" + (f", `{setting.variable}_FILE`" if setting.secret else "")


def _default(setting: Setting) -> str:
    return setting.derived or (f"`{setting.default}`" if setting.default else "not set")


if __name__ == "__main__":
    sys.stdout.write(env_example())
