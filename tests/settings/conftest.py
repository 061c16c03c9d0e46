from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpay.settings import Settings, SettingsInvalid, load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Place:
    """A working directory and a configuration file, empty until a test writes them."""

    def __init__(self, folder: Path) -> None:
        self.cwd = folder / "work"
        self.config_file = folder / "config" / "config.toml"
        self.cwd.mkdir()
        self.config_file.parent.mkdir()

    def env_file(self, text: str, mode: int = 0o600) -> Path:
        return self.write(self.cwd / ".env", text, mode)

    def config(self, text: str, mode: int = 0o600) -> Path:
        return self.write(self.config_file, text, mode)

    def write(self, path: Path, text: str, mode: int = 0o600) -> Path:
        path.write_text(text)
        path.chmod(mode)
        return path

    def load(self, flags: Mapping[str, str | None] | None = None, /, **env: str) -> Settings:
        return load(flags=flags or {}, env=env, cwd=self.cwd, config_file=self.config_file)

    def problems(self, flags: Mapping[str, str | None] | None = None, /, **env: str) -> tuple[str, ...]:
        with pytest.raises(SettingsInvalid) as invalid:
            self.load(flags, **env)
        return invalid.value.problems


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)
