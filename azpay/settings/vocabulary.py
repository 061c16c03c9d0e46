"""Which names mean which setting, and what to say of a name that means none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpay.settings import secret_files
from azpay.settings.parsing import quoted
from azpay.settings.secret import masked
from azpay.settings.table import PREFIX, SETTINGS, Setting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from azpay.settings.sources import Entry

_KUBERNETES = re.compile(PREFIX + r"(SERVICE_(HOST|PORT.*)|PORT_[0-9]+_.*)")


@dataclass(frozen=True, slots=True)
class Word:
    """One name a source may use. With `file`, its text names a file that holds the value."""

    setting: Setting
    file: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """A setting as one source gives it."""

    setting: Setting
    text: str
    origin: str
    file: bool = False

    @property
    def bare_secret(self) -> bool:
        """A secret that stands in the source itself. A URL without a password hides nothing."""
        return self.setting.secret and not self.file and masked(self.text) != self.text


@dataclass(frozen=True, slots=True)
class SecretFiles:
    """How to read the files that `_FILE` names point to: relative to `base`."""

    base: Path
    guarded: Sequence[Path]

    def text(self, word: Word, written: str) -> str:
        return secret_files.read(written, base=self.base, guarded=self.guarded) if word.file else written


_NAMED = {setting.name: Word(setting) for setting in SETTINGS}
_FILED = {f"{setting.name}_file": Word(setting, file=True) for setting in SETTINGS if setting.secret}

FLAGS = {
    name: word for name, word in _NAMED.items() if not (word.setting.secret or word.setting.profile_only)
}
PROFILE_KEYS = {name: word for name, word in (_NAMED | _FILED).items() if name != "profile"}
VARIABLES = {
    PREFIX + name.upper(): word for name, word in (_NAMED | _FILED).items() if not word.setting.profile_only
}


def recognise(
    entries: Iterable[Entry], words: Mapping[str, Word], files: SecretFiles, problems: list[str]
) -> dict[str, Given]:
    """What one source gives, by the setting's name."""
    found: dict[str, Given] = {}
    for entry in entries:
        try:
            given = _recognised(entry, words, files)
        except ValueError as problem:
            problems.append(f"{_blamed(entry)} {problem}")
            continue
        first = found.setdefault(given.setting.name, given)
        if first is not given:
            problems.append(f"{_blamed(entry)} is given already by {first.origin}; keep one.")
    return found


def _blamed(entry: Entry) -> str:
    return f"{quoted(entry.written)}, from {entry.origin},"


def _recognised(entry: Entry, words: Mapping[str, Word], files: SecretFiles) -> Given:
    word = words.get(entry.written)
    if word is None:
        raise ValueError(_unknown(entry.written, words))
    if entry.table is not word.setting.table:
        raise ValueError("must not be a table." if entry.table else "must be a table of its own.")
    if not (entry.text and entry.text.strip()):
        raise ValueError("is empty: give it a value, or remove it.")
    text = files.text(word, entry.text)
    if not text.strip():
        raise ValueError("names a file that is empty.")
    return Given(word.setting, text, entry.origin, word.file)


def _unknown(written: str, words: Mapping[str, Word]) -> str:
    setting = _NAMED.get(written.removeprefix(PREFIX).lower())
    if setting is not None and setting.setting.profile_only:
        return "is for a profile of the configuration file alone: write it under [profiles.NAME]."
    if _KUBERNETES.fullmatch(written):
        return "is set by Kubernetes for a service called azpay: set enableServiceLinks: false in the pod."
    return f"is not a setting.{_did_you_mean(written, words)}"


def _did_you_mean(written: str, words: Mapping[str, Word]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(written[:60], words, n=1)
    return f" Did you mean {near[0]}?" if near else ""
