"""Payment operations for one merchant's Stripe account: move money, hear about it, prove it."""

__version__ = "0.1.0"
