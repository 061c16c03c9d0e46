"""Who buys, and where: nobody lives, and everybody is the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

FIRST_NAMES = [
    "Ada",
    "Alan",
    "Amelie",
    "Anders",
    "Barbara",
    "Blaise",
    "Carl",
    "Chiara",
    "Claire",
    "Daniel",
    "Dorothy",
    "Edsger",
    "Elena",
    "Emmy",
    "Felix",
    "Fumiko",
    "Grace",
    "Hana",
    "Hedy",
    "Ingrid",
    "Jonas",
    "Katherine",
    "Kenji",
    "Kurt",
    "Leonhard",
    "Lucia",
    "Margaret",
    "Marie",
    "Mateo",
    "Niklaus",
    "Noemi",
    "Oliver",
    "Paula",
    "Rosalind",
    "Sofia",
    "Tim",
    "Ursula",
    "Viktor",
    "Yuki",
    "Zoe",
]
LAST_NAMES = [
    "Abe",
    "Bauer",
    "Becker",
    "Bernard",
    "Brown",
    "Clark",
    "Conti",
    "Costa",
    "Dubois",
    "Evans",
    "Ferrari",
    "Fischer",
    "Garcia",
    "Hansen",
    "Ito",
    "Jansen",
    "Keller",
    "Kobayashi",
    "Lambert",
    "Lopez",
    "Martin",
    "Meyer",
    "Miller",
    "Moore",
    "Moreau",
    "Novak",
    "Olsen",
    "Patel",
    "Ricci",
    "Rossi",
    "Sato",
    "Schmidt",
    "Silva",
    "Suzuki",
    "Tanaka",
    "Taylor",
    "Thomas",
    "Vogel",
    "Weber",
    "Wilson",
]


@dataclass(frozen=True, slots=True)
class Market:
    """`prices` are in the smallest unit of the currency, and so is what may be added for shipping."""

    currency: str
    cards: tuple[str, ...]
    prices: tuple[int, ...]
    shipping: tuple[int, ...]


_PRICES = (490, 790, 990, 1290, 1490, 1990, 2490, 2900, 3490, 3900, 4900, 5900, 7900, 9900, 12900, 19900)
_YEN = (500, 780, 980, 1200, 1480, 1980, 2480, 2980, 3800, 4980, 6800, 9800, 14800)
_DOLLARS = Market(
    "usd",
    ("pm_card_visa", "pm_card_visa", "pm_card_visa_debit", "pm_card_mastercard", "pm_card_amex"),
    _PRICES,
    (0, 0, 499, 899),
)
_EUROS = Market(
    "eur",
    ("pm_card_de", "pm_card_de", "pm_card_fr", "pm_card_es", "pm_card_it", "pm_card_nl"),
    _PRICES,
    (0, 0, 390, 690),
)
_POUNDS = Market("gbp", ("pm_card_gb", "pm_card_gb", "pm_card_gb_mastercard"), _PRICES, (0, 0, 350))
_YENS = Market("jpy", ("pm_card_jp",), _YEN, (0, 0, 600))
MARKETS = (_DOLLARS,) * 9 + (_EUROS,) * 6 + (_POUNDS,) * 3 + (_YENS,) * 2


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    email: str
    market: Market
    card: str


def person(seed: int, number: int) -> Person:
    """The customer of this number; guests have numbers of their own, below zero."""
    first, last, market, card = blake2b(f"{seed}:person:{number}".encode(), digest_size=4).digest()
    name = f"{FIRST_NAMES[first % len(FIRST_NAMES)]} {LAST_NAMES[last % len(LAST_NAMES)]}"
    chosen = MARKETS[market % len(MARKETS)]
    email = f"{name.lower().replace(' ', '.')}.{abs(number)}@example.com"
    return Person(name, email, chosen, chosen.cards[card % len(chosen.cards)])
