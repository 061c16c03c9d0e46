"""Where values come from: flags, the environment, `.env`, a profile.

A source yields entries exactly as written and the line or name to blame; it knows no meaning. Problems are
gathered rather than raised, so that a person sees all of them at once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpay.settings.table import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dotenv.parser import Original


@dataclass(frozen=True, slots=True)
class Entry:
    """`written` is the name as it stands in the source; `text` is None where only a name stands.

    The text of a `table` is JSON.
    """

    written: str
    text: str | None
    origin: str
    table: bool = False


@dataclass(frozen=True, slots=True)
class ConfigFile:
    path: Path
    default_profile: str | None
    profiles: Mapping[str, Mapping[str, object]]

    def entries(self, profile: str, problems: list[str]) -> Iterator[Entry]:
        origin = f"profile {profile} in {self.path}"
        for key, value in self.profiles.get(profile, {}).items():
            text = _as_text(value)
            if text is None:
                problems.append(f"{key!a}, from {origin}: use a string, a number, true or false.")
            else:
                yield Entry(key, text, origin, isinstance(value, dict))


def from_flags(flags: Mapping[str, str | None]) -> Iterator[Entry]:
    for name, text in flags.items():
        if text is not None:
            yield Entry(name, text, f"flag --{name.replace('_', '-')}")


def from_environment(env: Mapping[str, str]) -> Iterator[Entry]:
    for name, text in env.items():
        if name.startswith(PREFIX):
            yield Entry(name, text, f"environment {name if name.isprintable() else ascii(name)}")


def from_env_file(path: Path, problems: list[str]) -> list[Entry]:
    """The entries of `.env` that are ours. Nothing is expanded: what is written is what is meant."""
    text = _read(path, problems)
    if text is None:
        return []
    from io import StringIO

    from dotenv.parser import parse_stream

    entries = []
    for binding in parse_stream(StringIO(text)):
        origin = f"{path.name} line {_line(binding.original)}"
        if binding.error:
            problems.append(f"{origin}: not a line of the form NAME=value.")
        elif binding.key is not None and binding.key.startswith(PREFIX):
            entries.append(Entry(binding.key, binding.value, origin))
    return entries


def _line(original: Original) -> int:
    """Where a binding stands. The parser counts from the blank lines before it."""
    indent = len(original.string) - len(original.string.lstrip())
    return original.line + original.string.count("\n", 0, indent)


def read_config(path: Path, problems: list[str]) -> ConfigFile:
    text = _read(path, problems)
    if text is None:
        return ConfigFile(path, None, {})
    document = _toml(path, text, problems)
    default_profile = document.pop("default_profile", None)
    profiles = document.pop("profiles", {})
    problems += [f"{path}: {key!a} is neither default_profile nor [profiles.NAME]." for key in document]
    if not (default_profile is None or isinstance(default_profile, str)):
        problems.append(f"{path}: default_profile must be a name in quotes.")
        default_profile = None
    if not (isinstance(profiles, dict) and all(isinstance(table, dict) for table in profiles.values())):
        problems.append(f"{path}: profiles are written as tables: [profiles.NAME].")
        profiles = {}
    return ConfigFile(path, default_profile, profiles)


def _toml(path: Path, text: str, problems: list[str]) -> dict[str, object]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as broken:
        problems.append(f"{path}: not TOML: {broken}.")
    return {}


def _read(path: Path, problems: list[str]) -> str | None:
    try:
        return path.read_text("utf-8-sig") if path.is_file() else None
    except (OSError, UnicodeDecodeError) as unreadable:
        problems.append(f"{path}: cannot be read: {_reason(unreadable)}.")
    return None


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or "error" if isinstance(error, OSError) else "it is not UTF-8"


def _as_text(value: object) -> str | None:
    match value:
        case bool():
            return str(value).lower()
        case str() | int():
            return str(value)
        case list() if all(isinstance(part, str) for part in value):
            return ",".join(value)
        case dict():
            return json.dumps(value, default=str)
        case _:
            return None
