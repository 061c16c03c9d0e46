"""Where keys are kept: Stripe's and the book's own, a set for each profile."""

from azpay.credentials.book_keys import BookKeys
from azpay.credentials.places import CredentialsRefused, PlaceUnavailable
from azpay.credentials.root_key import RecoveryKeyUnreadable, RootKey
from azpay.credentials.store import Credentials

__all__ = [
    "BookKeys",
    "Credentials",
    "CredentialsRefused",
    "PlaceUnavailable",
    "RecoveryKeyUnreadable",
    "RootKey",
]
