"""Where Stripe's keys are kept, a set for each profile."""

from azpay.credentials.places import CredentialsRefused, PlaceUnavailable
from azpay.credentials.store import Credentials

__all__ = ["Credentials", "CredentialsRefused", "PlaceUnavailable"]
