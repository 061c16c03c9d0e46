"""Who acts is said by the settings, else by the system, and never by an empty name."""

from __future__ import annotations

import os
import pwd

import pytest

from azpay.access import at_terminal, system_user


def test_the_name_that_is_set_goes_before_the_systems_user() -> None:
    assert at_terminal("ann", user="deploy") == "cli:ann"
    assert at_terminal(None, user="deploy") == "cli:deploy"


def test_the_systems_user_is_asked_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "mallory")

    assert system_user() == pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize("named", [None, "", "CORP\\ann", "a\nb"])
def test_a_user_without_a_name_that_can_be_written_goes_by_a_number(
    monkeypatch: pytest.MonkeyPatch, named: str | None
) -> None:
    def entry(_uid: int) -> object:
        if named is None:
            raise KeyError
        return pwd.struct_passwd((named, "x", 1, 1, "", "/", "/bin/sh"))

    monkeypatch.setattr(pwd, "getpwuid", entry)

    assert system_user() == f"uid-{os.getuid()}"
