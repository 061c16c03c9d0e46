"""Which amounts Stripe takes, per currency, and what it keeps of them."""

from __future__ import annotations

from azpay.sandbox.errors import StripeError, bad_request


def _codes(words: str) -> frozenset[str]:
    return frozenset(words.split())


ZERO_DECIMAL = _codes("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
THREE_DECIMAL = _codes("bhd jod kwd omr tnd")
SENT_WITH_TWO_ZEROS = _codes("isk ugx")

_TWO_DECIMAL = _codes("""
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny
    cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk
    jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio
    nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs
    top try ttd twd tzs uah ugx usd uyu uzs wst xcd yer zar zmw
""")
SUPPORTED = ZERO_DECIMAL | THREE_DECIMAL | _TWO_DECIMAL

_MINIMUMS = {
    "aed": 200, "czk": 1500, "dkk": 250, "gbp": 30, "hkd": 400, "huf": 17500, "jpy": 50, "krw": 50,
    "mxn": 1000, "myr": 200, "nok": 300, "pln": 200, "ron": 200, "sek": 300, "thb": 1000,
}  # fmt: skip
_WORTH_HALF_A_DOLLAR = {
    "bif": 1500, "clp": 500, "djf": 90, "gnf": 4400, "isk": 7000, "kmf": 230, "mga": 2300, "pyg": 3800,
    "rwf": 720, "ugx": 185000, "vnd": 13000, "vuv": 60, "xaf": 300, "xof": 300, "xpf": 55,
}  # fmt: skip
"""Where Stripe names no minimum, an amount must be worth 0.50 USD. About; rates are not simulated."""

_LEAST = _MINIMUMS | _WORTH_HALF_A_DOLLAR
_DIGITS = {"idr": 12, "cop": 10, "inr": 9}

_FEE_PER_MILLE = 29
_FIXED_FEE = 30


def check_currency(value: str, param: str = "currency") -> str:
    currency = value.lower()
    if currency not in SUPPORTED:
        known = ", ".join(sorted(SUPPORTED))
        message = f"Invalid currency: {value[:20]}. Stripe currently supports these currencies: {known}"
        raise bad_request(message, param=param)
    return currency


def check_amount(amount: int, currency: str) -> None:
    """Refuse what cannot be charged: too little, too much, or finer than the currency allows."""
    check_precision(amount, currency)
    if amount < minimum(currency):
        raise _refused(f"Amount must be at least {spoken(minimum(currency), currency)}", "amount_too_small")
    if amount > maximum(currency):
        most = spoken(maximum(currency), currency)
        raise _refused(f"Amount must be no more than {most}", "amount_too_large")


def check_precision(amount: int, currency: str, param: str = "amount") -> None:
    step = 100 if currency in SENT_WITH_TWO_ZEROS else 10 if currency in THREE_DECIMAL else 1
    if amount % step:
        message = f"Invalid amount: amounts in {currency} must be a multiple of {step}."
        raise bad_request(message, code="invalid_charge_amount", param=param)


def minimum(currency: str) -> int:
    return _LEAST.get(currency, 500 if currency in THREE_DECIMAL else 50)


def maximum(currency: str) -> int:
    return int("9" * _DIGITS.get(currency, 8))


def fee(amount: int, currency: str) -> int:
    """2.9 %, rounded half up, and a fixed part.

    The fixed part is 30 in the smallest unit, 300 where a unit has three decimals, and nothing where an
    amount must end in two zeros, because there 30 would be a fraction of what can be paid.
    """
    share = (amount * _FEE_PER_MILLE + 500) // 1000
    return share + fixed_fee(currency)


def fixed_fee(currency: str) -> int:
    if currency in SENT_WITH_TWO_ZEROS:
        return 0
    return _FIXED_FEE * 10 if currency in THREE_DECIMAL else _FIXED_FEE


def in_decimals_of(fee: int, currency: str) -> int:
    """A fee that is stated for two decimals, in the smallest unit of another currency."""
    return fee * 10 if currency in THREE_DECIMAL else fee


def spoken(amount: int, currency: str) -> str:
    """`$0.50 usd`, as Stripe's messages have it."""
    return f"{with_symbol(amount, currency)} {currency}"


def with_symbol(amount: int, currency: str) -> str:
    symbol = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}.get(currency, "")
    return f"{symbol}{major(amount, currency)}"


def decimals(currency: str) -> int:
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def plain(amount: int, currency: str) -> str:
    """The amount in major units, for a file: `-1234.50`."""
    places = decimals(currency)
    if not places:
        return str(amount)
    whole, part = divmod(abs(amount), 10**places)
    return f"{'-' if amount < 0 else ''}{whole}.{part:0{places}}"


def major(amount: int, currency: str) -> str:
    """The amount in major units, with its decimals."""
    places = decimals(currency)
    if not places:
        return f"{amount:,}"
    whole, part = divmod(amount, 10**places)
    return f"{whole:,}.{part:0{places}}"


def _refused(message: str, code: str) -> StripeError:
    return bad_request(message, code=code, param="amount")
