"""Stripe's longer sentences, so that the code that says them stays readable."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SUPPORT = "https://support.stripe.com/"

NO_KEY = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, using "
    "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
    f"https://stripe.com/docs/api#authentication for details, or we can help at {_SUPPORT}."
)
PUBLISHABLE_KEY = (
    "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a "
    "list of your API keys at https://dashboard.stripe.com/account/apikeys."
)
COMPRESSED = "Invalid request (the body is compressed; send it as it is)."
NOT_MULTIPART = (
    "Invalid request: a file is uploaded with the content type multipart/form-data. If you have any "
    f"questions, we can help at {_SUPPORT}."
)
CARD_NUMBER = (
    "Sending credit card numbers directly to the Stripe API is generally unsafe. We suggest you use test "
    "tokens that map to the test card you are using, see https://stripe.com/docs/testing. To enable testing "
    f"raw card data APIs, see {_SUPPORT}questions/enabling-access-to-raw-card-data-apis."
)
METHOD_SPENT = (
    "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
    "Customer, and may not be used again."
)
METHOD_TAKEN = "The payment method you provided has already been attached to a customer."
METHOD_NOT_ATTACHED = (
    "The payment method you provided is not attached to a customer so detachment is impossible."
)
NO_STATEMENT_DESCRIPTOR = (
    "The `statement_descriptor` parameter isn't supported for the `card` payment method type. Use the "
    "`statement_descriptor_suffix` parameter instead."
)
BAD_DESCRIPTOR = "The statement descriptor must contain a letter and none of < > ' \" * \\."
NO_MORE_TYPES = (
    "`payment_method_types` is no longer supported in this API version. Use dynamic payment methods, "
    "`allowed_payment_method_types` or `excluded_payment_method_types` instead."
)
WRONG_SECRET = "The client_secret provided does not match any associated PaymentIntent on this account."  # noqa: S105
NO_TYPES = (
    "No valid payment method types for this PaymentIntent. Ensure that you have activated payment methods "
    "compatible with your chosen currency in your dashboard."
)
WRONG_SETUP_SECRET = "The client_secret provided does not match any associated SetupIntent on this account."  # noqa: S105
MICRODEPOSITS_FAILED = "Microdeposit transfers failed. Please check the account and routing numbers."
TOO_MANY_VERIFICATIONS = "You have exceeded the number of allowed verification attempts."
CALLED_BACK = "The payment was canceled before the bank had processed it."
TOO_MANY_UPDATES = (
    "This PaymentIntent has been updated too many times in the last hour. A PaymentIntent can be updated at "
    "most 1,000 times per hour."
)


def wrong_content_type(expected: str) -> str:
    return (
        f"Invalid request (check that your POST content type is {expected}). If you have any questions, we "
        f"can help at {_SUPPORT}."
    )


UNUSABLE_MANDATE = "The mandate provided is not active, or it is for another payment method."


def unknown_address(method: str, path: str) -> str:
    return (
        f"Unrecognized request URL ({method}: {path[:200]}). If you are trying to list objects, remove the "
        "trailing slash. If you are trying to retrieve an object, make sure you passed a valid (non-empty) "
        f"identifier in your code. Please see https://stripe.com/docs or we can help at {_SUPPORT}."
    )


def no_access(account: str) -> str:
    return (
        f"The provided key does not have access to account '{account[:40]}' (or that account does not "
        "exist). Application access may have been revoked."
    )


def permission_missing(key: str, account: str, permission: str) -> str:
    return (
        f"The provided key '{key}' does not have the required permissions for this endpoint on account "
        f"'{account}'. Having the '{permission}' permission would allow this request to continue."
    )


def method_of_another(method: str) -> str:
    return (
        f"The customer does not have a payment method with the ID {method}. The payment method must be "
        "attached to the customer."
    )


def customer_needed(method: str) -> str:
    return (
        f"The PaymentMethod {method} is attached to a customer: include that customer in the `customer` "
        "parameter to use it."
    )


def cannot_capture(status: str) -> str:
    return (
        f"This PaymentIntent could not be captured because it has a status of {status}. Only a PaymentIntent "
        "with one of the following statuses may be captured: requires_capture."
    )


def cannot_cancel(status: str, allowed: Iterable[str], noun: str = "PaymentIntent") -> str:
    return (
        f"You cannot cancel this {noun} because it has a status of {status}. Only a {noun} "
        f"with one of the following statuses may be canceled: {', '.join(allowed)}."
    )


def cannot_confirm(status: str, allowed: Iterable[str], noun: str = "PaymentIntent") -> str:
    return (
        f"You cannot confirm this {noun} because it has a status of {status}. Only a {noun} "
        f"with one of the following statuses may be confirmed: {', '.join(allowed)}."
    )


def cannot_update(field: str, status: str, allowed: Iterable[str], noun: str = "PaymentIntent") -> str:
    return (
        f"This {noun}'s {field} could not be updated because it has a status of {status}. You may "
        f"only update the {field} of a {noun} with one of these statuses: {', '.join(allowed)}."
    )


def other_request(key: str) -> str:
    return (
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request."
    )


def key_in_use(key: str) -> str:
    return (
        "There is currently another in-progress request using this Idempotent Key (that probably means you "
        f"submitted twice, and the other request is still going through): {key}. Please try again later."
    )


def cannot_be_unset(name: str) -> str:
    return (
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
        f"parameter; however '{name}' cannot be unset. You should remove '{name}' from your request or "
        "supply a non-empty value."
    )


def metadata_too_long(value: str, most: int) -> str:
    return (
        f"Metadata values can have up to {most} characters, but you passed in a value that is {len(value)} "
        f"characters. Invalid value: {value[:40]}..."
    )


def type_not_activated(kind: str) -> str:
    return (
        f"The payment method type provided: {kind} is invalid. Please ensure the provided type is activated "
        "in your dashboard (https://dashboard.stripe.com/account/payments/settings) and your account is "
        "enabled for any preview features that you are trying to use."
    )


def wrong_currency(currency: str, kind: str, right: str) -> str:
    return (
        f"The currency provided ({currency}) is invalid. Payments with {kind} support the following "
        f"currencies: {right}."
    )


def method_not_allowed(kind: str, allowed: Iterable[str], noun: str) -> str:
    return (
        f"The PaymentMethod provided ({kind}) is not allowed for this {noun}. Please attach a PaymentMethod "
        f"of one of the following types: {', '.join(allowed)}."
    )


def authentication_failed(noun: str) -> str:
    return (
        "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
        f"PaymentMethod to attempt to fulfill this {noun} again."
    )


def deposits_do_not_match(what: str, left: int) -> str:
    named = what.replace("_", " ")
    return (
        f"The {named} provided do not match what was sent to the bank account. You have {left} verification "
        "attempts remaining."
    )


def cannot_verify(status: str) -> str:
    return f"You cannot verify microdeposits because the status is {status} and none are waited for."


def method_missing(noun: str) -> str:
    return (
        f"You cannot confirm this {noun} because it's missing a payment method. You can either update the "
        f"{noun} with a payment method and then confirm it again, or confirm it again directly with a "
        "payment method or ConfirmationToken."
    )


def return_url_missing(noun: str) -> str:
    return (
        f"This {noun} is configured to accept payment methods enabled in your Dashboard. Because some of "
        "these payment methods might redirect your customer off of your page, you must provide a "
        "`return_url`. If you don't want to accept redirect-based payment methods, set "
        "`automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to "
        "`never` when creating Setup Intents and Payment Intents."
    )


def no_authentication(noun: str, identifier: str) -> str:
    return f"This {noun} ({identifier}) does not wait for authentication."


def mandate_missing(noun: str) -> str:
    return (
        f"This {noun} requires a mandate, but no existing mandate was found. Collect mandate acceptance from "
        "the customer and try again, providing acceptance data in the mandate_data parameter."
    )
