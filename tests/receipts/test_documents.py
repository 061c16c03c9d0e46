from __future__ import annotations

import locale
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from azpay import receipts
from azpay.payments import PaymentMethod, RefundStatus
from azpay.receipts import Merchant
from azpay.receipts.documents import document
from azpay.receipts.texts import GlyphMissing
from tests.receipts.shop import ISSUED, PAID, SHOP, a_payment, a_refund, keep, lines_of

if TYPE_CHECKING:
    from datetime import tzinfo

    from azpay.db import Database

MINUS, DASH = "\N{MINUS SIGN}", "\N{EN DASH}"
PARIS = ZoneInfo("Europe/Paris")


def printed(db: Database, named: str = "pay_1", merchant: Merchant = SHOP, zone: tzinfo = UTC) -> bytes:
    return document(db, receipts.issue(db, named, now=ISSUED), merchant, zone)


def test_a_payment_receipt_says_what_was_paid_to_whom_when_and_how(db: Database) -> None:
    keep(db, a_payment())

    lines = lines_of(printed(db, zone=PARIS))

    assert lines == [
        "Example Books Ltd Payment receipt",
        "1 Example Street R-000001",
        "London Issued 1 February 2026",
        "Amount paid Paid",
        "EUR 120.50",
        "31 January 2026 · Visa •••• 4242",
        "Summary",
        "Payment EUR 120.50",
        "Net paid EUR 120.50",
        "Details",
        "Paid on 31 January 2026, 14:30 UTC+01:00",
        "Paid with Visa •••• 4242",
        "Description Two hardcovers",
        "Reference order-of-pay_1",
        "Payment pay_1",
        "Stripe payment pi_of_pay_1",
        "Stripe charge ch_of_pay_1",
        f"Payment receipt {DASH} not a tax invoice. Questions? help@example.com",
    ]


def test_a_payment_receipt_tells_what_went_back_and_what_is_left(db: Database) -> None:
    keep(db, a_payment(amount_refunded=3050), a_refund("ref_1", 2000), a_refund("ref_2", 1050))
    receipts.issue(db, "ref_1", now=ISSUED)

    lines = lines_of(printed(db))

    assert "Amount paid Partly refunded" in lines
    assert f"Refund of 3 February 2026 R-000001 {MINUS}EUR 20.00" in lines
    assert f"Refund of 3 February 2026 {MINUS}EUR 10.50" in lines
    assert "Net paid EUR 90.00" in lines


def test_many_refunds_are_summed_and_the_figures_still_add_up(db: Database) -> None:
    refunds = [a_refund(f"ref_{n}", 100 + n, created_at=PAID + timedelta(days=n)) for n in range(10)]
    keep(db, a_payment(), *refunds)

    lines = lines_of(printed(db))

    assert f"8 earlier refunds {MINUS}EUR 8.28" in lines
    assert f"Refund of 8 February 2026 {MINUS}EUR 1.08" in lines
    assert f"Refund of 9 February 2026 {MINUS}EUR 1.09" in lines
    assert "Net paid EUR 110.05" in lines


def test_a_refund_on_its_way_is_told_and_not_counted(db: Database) -> None:
    keep(
        db, a_payment(), a_refund(status=RefundStatus.PENDING), a_refund("ref_2", status=RefundStatus.FAILED)
    )

    lines = lines_of(printed(db))

    assert "Refunds of EUR 20.00 are on their way and not counted yet." in lines
    assert "Net paid EUR 120.50" in lines


def test_a_payment_that_went_back_whole_is_refunded(db: Database) -> None:
    keep(db, a_payment(), a_refund(amount=12050))

    lines = lines_of(printed(db))

    assert "Amount paid Refunded" in lines
    assert "Net paid EUR 0.00" in lines


def test_a_refund_receipt_speaks_of_its_refund_and_its_payment(db: Database) -> None:
    keep(db, a_payment(), a_refund("ref_1", 2000), a_refund("ref_2", 1000))
    receipts.issue(db, "pay_1", now=ISSUED)

    lines = lines_of(printed(db, "ref_1"))

    assert lines[:2] == ["Example Books Ltd Refund receipt", "1 Example Street R-000002"]
    assert {
        "Amount refunded Refunded",
        "EUR 20.00",
        "3 February 2026 · Visa •••• 4242",
        "Payment EUR 120.50",
        f"This refund {MINUS}EUR 20.00",
        f"Other refunds to date {MINUS}EUR 10.00",
        "Net paid EUR 90.50",
        "For the payment of 31 January 2026, 13:30 UTC · R-000001",
        "Refund ref_1",
        "Stripe refund re_of_ref_1",
        "Payment pay_1",
        f"Refund receipt {DASH} not a tax invoice. Questions? help@example.com",
    } <= set(lines)


def test_a_refund_that_failed_after_its_receipt_says_so(db: Database) -> None:
    keep(db, a_payment(), refund := a_refund())
    issued = receipts.issue(db, "ref_1", now=ISSUED)
    with db.writing() as session:
        session.merge(refund).status = RefundStatus.FAILED

    lines = lines_of(document(db, issued, SHOP, UTC))

    assert "The bank could not take this refund: the money was not returned." in lines
    assert "Refund failed Failed" in lines
    assert "Net paid EUR 120.50" in lines


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (1250000, "jpy", "JPY 1,250,000"),
        (1500, "bhd", "BHD 1.500"),
        (5, "usd", "USD 0.05"),
        (9223372036854775807, "bhd", "BHD 9,223,372,036,854,775.807"),
    ],
)
def test_amounts_have_their_currency_s_decimals(db: Database, amount: int, currency: str, shown: str) -> None:
    keep(db, a_payment(amount=amount, currency=currency))

    lines = lines_of(printed(db))

    assert shown in lines
    assert f"Net paid {shown}" in lines


def test_the_same_facts_give_the_same_bytes(db: Database) -> None:
    keep(db, a_payment(), a_refund())
    first = printed(db)

    with ThreadPoolExecutor(4) as threads:
        others = set(threads.map(lambda _: printed(db), range(12)))

    assert others == {first}


def test_the_language_of_the_machine_changes_nothing(db: Database) -> None:
    keep(db, a_payment())
    first = printed(db)

    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, "C.UTF-8")
        second = printed(db)
    finally:
        locale.setlocale(locale.LC_ALL, before)

    assert second == first


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "31 January 2026, 13:30 UTC"),
        ("Asia/Kolkata", "31 January 2026, 19:00 UTC+05:30"),
        ("Pacific/Kiritimati", "1 February 2026, 03:30 UTC+14:00"),
        ("America/St_Johns", "31 January 2026, 10:00 UTC-03:30"),
    ],
)
def test_times_are_the_merchant_s_and_say_how_far_from_utc(db: Database, zone: str, shown: str) -> None:
    keep(db, a_payment())

    lines = lines_of(printed(db, zone=ZoneInfo(zone)))

    assert f"Paid on {shown}" in lines


def test_test_mode_shows(db: Database) -> None:
    keep(db, a_payment(livemode=False))

    lines = lines_of(printed(db))

    assert "Test mode: no real money was moved." in lines


def test_with_a_tax_id_it_claims_neither_to_be_a_tax_invoice_nor_not_to_be(db: Database) -> None:
    keep(db, a_payment())

    lines = lines_of(printed(db, merchant=Merchant("Example Books Ltd", tax_id="GB123456789")))

    assert "Tax ID GB123456789 R-000001" in lines
    assert f"Payment receipt {DASH} this document itemises no tax." in lines
    assert "tax invoice" not in "\n".join(lines)


def test_nothing_of_a_card_but_brand_and_last_four(db: Database) -> None:
    method = PaymentMethod(
        payment_method="pm_1", type="card", brand="visa", last4="4242", exp_month=7, exp_year=2031,
        fingerprint="Xt5EWLLDS7FJjR1c", created_at=PAID,
    )  # fmt: skip
    typed = "Paid with 4242 4242 4242 4242"
    keep(db, method, a_payment(payment_method="pm_1", description=typed, reference="5555555555554444"))

    lines = lines_of(printed(db))

    assert "Paid with Visa •••• 4242" in lines
    assert "Description Paid with [card]" in lines
    assert "Reference [card]" in lines
    text = "\n".join(lines)
    assert text.count("4242") == 2
    assert not any(secret in text for secret in ("5555", "2031", "07/31", "Xt5EWLLDS7FJjR1c"))


def test_another_method_than_a_card_is_named(db: Database) -> None:
    method = PaymentMethod(payment_method="pm_1", type="sepa_debit", created_at=PAID)
    keep(db, method, a_payment(payment_method="pm_1", card_brand=None, card_last4=None))

    lines = lines_of(printed(db))

    assert "Paid with SEPA debit" in lines


def test_what_is_not_known_is_left_out(db: Database) -> None:
    nothing: dict[str, Any] = dict.fromkeys(
        ("card_brand", "card_last4", "reference", "description", "charge")
    )
    keep(db, a_payment(**nothing))

    text = "\n".join(lines_of(printed(db, merchant=Merchant())))

    assert not any(
        label in text
        for label in ("Paid with", "Reference", "Description", "Stripe charge", "Questions", "None")
    )


def test_markup_is_text(db: Database) -> None:
    keep(
        db,
        a_payment(description='<img src="/etc/passwd"> <b>{{7*7}} %(x)s \\n) Tj', reference="</para>&amp;"),
    )

    lines = lines_of(printed(db))

    assert 'Description <img src="/etc/passwd"> <b>{{7*7}} %(x)s \\n) Tj' in lines
    assert "Reference </para>&amp;" in lines


def test_what_a_reader_cannot_see_is_left_out(db: Database) -> None:
    keep(db, a_payment(description="in\u202evisi\u200bble\x00\x1b[31m\ttab\r\nline\u2028\ufeffend"))

    lines = lines_of(printed(db))

    assert "Description invisible[31m tab line end" in lines


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("日本 order", "□□ order"),
        ("cake 🎂!", "cake □!"),
        ("שלום", "□□□□"),
        ("Ωmega Žižek Дом ₹ €", "Ωmega Žižek Дом ₹ €"),
        ("cafe\u0301", "café"),
    ],
)
def test_a_customer_s_text_shows_a_box_for_what_the_typeface_lacks(
    db: Database, typed: str, shown: str
) -> None:
    keep(db, a_payment(description=typed))

    lines = lines_of(printed(db))

    assert f"Description {shown}" in lines
    assert ("□ stands for a character that this document cannot show." in lines) == ("□" in shown)


@pytest.mark.parametrize(
    ("merchant", "setting", "character"),
    [
        (Merchant("株式会社"), "AZPAY_MERCHANT_NAME", "U+682A"),
        (Merchant("Shop", "1 Street\nתל אביב"), "AZPAY_MERCHANT_ADDRESS", "U+05EA"),
        (Merchant("Shop", tax_id="ไทย"), "AZPAY_MERCHANT_TAX_ID", "U+0E44"),
        (Merchant("Shop", support="📞 1"), "AZPAY_MERCHANT_SUPPORT", "U+1F4DE"),
    ],
)
def test_a_merchant_s_own_text_must_be_right(
    db: Database, merchant: Merchant, setting: str, character: str
) -> None:
    keep(db, a_payment())

    with pytest.raises(GlyphMissing) as refused:
        printed(db, merchant=merchant)

    assert setting in refused.value.message
    assert character in refused.value.message


def test_the_longest_of_everything_stays_on_the_page_and_above_its_foot(db: Database) -> None:
    long = Merchant(
        "Extraordinarily long " * 20,
        "\n".join(f"Line {n} of an address that goes on and on and on and on" for n in range(12)),
        "GB" + "9" * 200,
        "help" * 300,
    )
    huge = 9 * 10**17
    keep(
        db,
        a_payment(
            amount=huge, currency="bhd", livemode=False, description="W" * 20_000, reference="日" * 20_000
        ),
        a_refund("ref_0", 7 * 10**16, "bhd", status=RefundStatus.PENDING),
        *(a_refund(f"ref_{n}", 10**15 + n, "bhd") for n in range(1, 9)),
    )
    issued = receipts.issue(db, "ref_1", now=ISSUED)
    receipts.issue(db, "pay_1", now=ISSUED)
    with db.writing() as session:
        session.merge(a_refund("ref_1", 10**15, "bhd", status=RefundStatus.FAILED))

    for receipt in (issued, receipts.issue(db, "pay_1", now=ISSUED)):
        body, foot = heights(document(db, receipt, long, PARIS))

        assert min(body) > max(foot) + 20
        assert min(foot) > 40
        assert max(body) < 800


def heights(pdf: bytes) -> tuple[list[float], list[float]]:
    """Where the texts above and in the foot stand, in points from the page's lower edge."""
    found: list[tuple[str, float]] = []

    def see(text: str, _cm: list[float], tm: list[float], _font: object, _size: float) -> None:
        found.extend((line, tm[5]) for line in text.splitlines() if line.strip())

    PdfReader(BytesIO(pdf)).pages[0].extract_text(visitor_text=see)
    first = next(number for number, (text, _) in enumerate(found) if text.startswith("Questions?"))
    return [y for _, y in found[:first]], [y for _, y in found[first:]]


def test_every_typeface_is_embedded(db: Database) -> None:
    keep(db, a_payment())

    (page,) = PdfReader(BytesIO(printed(db))).pages

    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]  # type: ignore[index]
    assert sorted(font["/BaseFont"].partition("+")[2] for font in fonts) == ["DejaVuSans", "DejaVuSans-Bold"]
    assert all("/FontFile2" in font["/FontDescriptor"] for font in fonts)


def test_the_file_says_what_it_is(db: Database) -> None:
    keep(db, a_payment())

    about = PdfReader(BytesIO(printed(db))).metadata

    assert about is not None
    assert about.title == "Payment receipt R-000001"
    assert about.author == "Example Books Ltd"


def test_a_receipt_is_small(db: Database) -> None:
    keep(db, a_payment(description="The quick brown fox jumps over the lazy dog, 0123456789 times."))

    pdf = printed(db)

    assert len(pdf) < 25_000
