import io
from azpay.payments import batches
from azpay.payments.batches import *
from azpay.payments.batches.models import BatchKind
def test_smoke(azpay, stripe):
    content = "amount,currency,method,reference\r\n" + "".join(f"{10+n}.00,usd,pm_card_visa,order-{n}\r\n" for n in range(30))
    for _ in range(2):
        f = File(io.BytesIO(content.encode()), BatchKind.CHARGE, Terms())
        p = prepare(azpay.db, f, now=azpay.now())
        print(p.found, p.to_move(azpay.db))
        b = begin(azpay.db, p, now=azpay.now())
        t = run(azpay.db, azpay.gateway, b, Terms(), pace=Pace(azpay.now))
        assert t is None
        t = Tally()
        for r in t.counted(results(azpay.db, b.id)): print(r)
        print(t.sums)
    assert len(stripe.payment_intents) == 30
