"""A root key, as it is written down and read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpay.credentials import RecoveryKeyUnreadable, RootKey
from azpay.credentials.root_key import ALPHABET, expanded

ROOT = RootKey(bytes(range(32)))


@given(st.binary(min_size=32, max_size=32))
def test_what_is_written_down_is_read_again(secret: bytes) -> None:
    assert RootKey.read(RootKey(secret).written) == RootKey(secret)


def test_a_hand_may_write_it_in_lower_case_with_spaces_and_with_letters_that_look_like_digits() -> None:
    written = ROOT.written.lower().replace("-", " ").replace("0", "o").replace("1", "l")

    assert RootKey.read(f"  {written}\n") == ROOT


@given(st.integers(6, 68), st.sampled_from(ALPHABET))
def test_one_mistyped_character_is_noticed(at: int, instead: str) -> None:
    written = ROOT.written
    typed = written[:at] + instead + written[at + 1 :]
    if written[at] in {"-", instead}:
        return

    with pytest.raises(RecoveryKeyUnreadable):
        RootKey.read(typed)


@pytest.mark.parametrize("typed", ["", "AZPAY", "AZPAY-1234567", "sk_test_abc", ROOT.written + "0", "é" * 61])
def test_what_is_no_recovery_key_is_refused_and_not_repeated(typed: str) -> None:
    with pytest.raises(RecoveryKeyUnreadable) as refused:
        RootKey.read(typed)

    assert not typed or typed not in str(refused.value)


def test_a_key_does_not_show_itself() -> None:
    assert repr(ROOT) == f"RootKey({ROOT.id})"
    assert ROOT.secret.hex() not in repr(ROOT)


def test_each_purpose_has_a_key_of_its_own() -> None:
    derived = {ROOT.derive(purpose) for purpose in ("file", "columns", "blind index", "key id")}

    assert len(derived | {ROOT.secret}) == 5


def test_derivation_is_the_one_of_rfc_5869() -> None:
    """Its first test case, as far as 32 bytes go."""
    found = expanded(
        bytes.fromhex("0b" * 22), salt=bytes(range(13)), info=bytes.fromhex("f0f1f2f3f4f5f6f7f8f9")
    )

    assert found.hex() == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
