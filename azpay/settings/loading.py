"""Flag over environment over `.env` over profile over default; every problem reported at once.

pydantic-settings would do most of this, at 125 ms a start, which is more than the rest of `azpay --help`.
These few functions cost the standard library.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from azpay.errors import NotAllowed
from azpay.settings import parsing, rules, secret_files, sources, vocabulary
from azpay.settings.permissions import Permissions
from azpay.settings.secret import Secret
from azpay.settings.table import SETTINGS
from azpay.settings.values import Settings
from azpay.settings.vocabulary import Given, SecretFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from azpay.settings.table import Setting

_BY_NAME = {setting.name: setting for setting in SETTINGS}
_ABSENT: Mapping[str, object] = {"webhook_secrets": (), "encryption_key": (), "access": Permissions()}
_SANDBOX = {
    "stripe_api_base": rules.SANDBOX_BASE,
    "stripe_api_key": rules.SANDBOX_KEY,
    "webhook_secrets": rules.SANDBOX_WEBHOOK_SECRET,
    "encryption_key": rules.SANDBOX_ENCRYPTION_KEY,
}


class SettingsInvalid(NotAllowed):
    """The settings contradict themselves or each other. All that is wrong is said at once."""

    code = "settings_invalid"

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "\n".join(self.problems), hint="Each line says where the value stands; mend it there."
        )


def load(
    *,
    flags: Mapping[str, str | None],
    env: Mapping[str, str],
    cwd: Path,
    config_file: Path | None = None,
) -> Settings:
    """Read every source, or raise `SettingsInvalid` with all that is wrong in them."""
    problems: list[str] = []
    config = sources.read_config(config_file or default_config_file(), problems)
    above = _above_the_profile(flags, env, cwd, problems)
    profile = _profile(above.get("profile"), config, problems)
    below = _profile_given(profile.text, config, env, problems)
    given = _built_in(profile.text) | below | above | {"profile": profile}
    values = _values(given, problems)
    if problems:
        raise SettingsInvalid(problems)
    return Settings(
        **values,
        config_file=config.path,
        origins=_origins(given),
        warnings=tuple(_warnings(given, cwd / ".env")),
    )


def keyed(settings: Settings, key: str, *, origin: str) -> Settings:
    """The same settings with a key found in a keyring, held to the same rules as one that was set."""
    return _completed(settings, "stripe_api_key", key, origin)


def with_webhook_secrets(settings: Settings, secrets: str, *, origin: str) -> Settings:
    """The same settings with secrets from a keyring, separated by commas, before those that were set."""
    both = [*secrets.split(","), *(secret.reveal() for secret in settings.webhook_secrets)]
    return _completed(settings, "webhook_secrets", ",".join(both), origin)


def _completed(settings: Settings, name: str, text: str, origin: str) -> Settings:
    problems: list[str] = []
    given = Given(_BY_NAME[name], text, origin)
    known = {each.name: getattr(settings, each.name) for each in fields(settings)}
    found = {name: _parsed(given, problems)}
    origins = settings.origins | {name: origin}
    problems += _contradictions(known | found, origins)
    if problems:
        raise SettingsInvalid(problems)
    return Settings(**(known | found | {"origins": origins}))


def default_config_file() -> Path:
    from platformdirs import user_config_path

    return user_config_path("azpay") / "config.toml"


def _above_the_profile(
    flags: Mapping[str, str | None], env: Mapping[str, str], cwd: Path, problems: list[str]
) -> dict[str, Given]:
    files = SecretFiles(cwd, secret_files.mounts(env))
    env_file = sources.from_env_file(cwd / ".env", problems)
    return (
        vocabulary.recognise(env_file, vocabulary.VARIABLES, files, problems)
        | vocabulary.recognise(sources.from_environment(env), vocabulary.VARIABLES, files, problems)
        | vocabulary.recognise(sources.from_flags(flags), vocabulary.FLAGS, files, problems)
    )


def _profile(given: Given | None, config: sources.ConfigFile, problems: list[str]) -> Given:
    if given is None and config.default_profile is not None:
        given = Given(_BY_NAME["profile"], config.default_profile, f"default_profile in {config.path}")
    if given is None:
        return Given(_BY_NAME["profile"], "default", "default")
    known = dict.fromkeys(["default", rules.SANDBOX, *filter(parsing.PROFILE.fullmatch, config.profiles)])
    if given.text not in known and parsing.PROFILE.fullmatch(given.text):
        problems.append(
            f"profile, from {given.origin}, is {given.text}, which is not in {config.path}: "
            f"write [profiles.{given.text}] there, or use one of {', '.join(known)}."
        )
    return given


def _profile_given(
    profile: str, config: sources.ConfigFile, env: Mapping[str, str], problems: list[str]
) -> dict[str, Given]:
    files = SecretFiles(config.path.parent, secret_files.mounts(env))
    given = vocabulary.recognise(config.entries(profile, problems), vocabulary.PROFILE_KEYS, files, problems)
    if _exposed(given, config.path):
        problems.append(f"{config.path} holds a secret and others can read it: chmod 600 {config.path}")
    return given


def _built_in(profile: str) -> dict[str, Given]:
    if profile != rules.SANDBOX:
        return {}
    origin = "built into profile sandbox"
    return {name: Given(_BY_NAME[name], text, origin) for name, text in _SANDBOX.items()}


def _values(given: Mapping[str, Given], problems: list[str]) -> dict[str, Any]:
    values = {
        setting.name: _parsed(given[setting.name], problems) if setting.name in given else _default(setting)
        for setting in SETTINGS
    }
    broken = frozenset(name for name in given if values[name] is None)
    problems += _contradictions(values, _origins(given), broken)
    return values if problems else _derived(values)


def _parsed(given: Given, problems: list[str]) -> object:
    """The value, or None and a problem."""
    try:
        return given.setting.parse(given.text)
    except ValueError as problem:
        problems.append(f"{given.setting.name}, from {given.origin}, {problem}")
    return None


def _default(setting: Setting) -> object:
    return _ABSENT.get(setting.name) if setting.default is None else setting.parse(setting.default)


def _contradictions(
    values: Mapping[str, Any], origins: Mapping[str, str], broken: frozenset[str] = frozenset()
) -> Iterator[str]:
    for rule in rules.RULES:
        if broken.isdisjoint(rule.names):
            problem = rule.broken(*(values[name] for name in rule.names))
            if problem is not None:
                yield f"{rule.names[0]}, from {origins[rule.names[0]]}, {problem}"


def _derived(values: dict[str, Any]) -> dict[str, Any]:
    """With the defaults that depend on the user or on other settings."""
    if values["data_dir"] is None:
        from platformdirs import user_data_path

        values["data_dir"] = user_data_path("azpay")
    if values["database_url"] is None:
        values["database_url"] = Secret(f"sqlite:///{values['data_dir'] / values['profile']}.db")
    return values


def _origins(given: Mapping[str, Given]) -> dict[str, str]:
    return {name: given[name].origin if name in given else "default" for name in _BY_NAME}


def _warnings(given: Mapping[str, Given], env_file: Path) -> Iterator[str]:
    from_file = {name: each for name, each in given.items() if each.origin.startswith(".env ")}
    if _exposed(from_file, env_file):
        yield f"{env_file} holds a secret and others can read it: chmod 600 {env_file}"


def _exposed(given: Mapping[str, Given], path: Path) -> bool:
    bare = any(each.bare_secret for each in given.values())
    return bare and bool(path.stat().st_mode & secret_files.OTHERS)
