"""Several threads read Stripe's answers at once, from the first one on."""

from __future__ import annotations

import subprocess
import sys

FIRST = """
import sys
import msgspec
from azpay.gateway import objects, stripe

kinds = [kind for module in (objects, stripe) for kind in vars(module).values()
         if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
learnt = []
sys.setprofile(lambda frame, event, _: learnt.append(frame.f_code.co_name) if event == "call" else None)
for kind in kinds:
    msgspec.json.Decoder(kind)
sys.setprofile(None)
print(len(kinds), learnt.count("get_class_annotations"))
"""


def test_what_stripe_answers_with_is_known_before_any_thread_reads_it() -> None:
    """msgspec learns a type by asking for its annotations, in Python, and lets other threads in meanwhile."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST], capture_output=True, text=True, check=True, timeout=60
    )

    kinds, learnt = map(int, done.stdout.split())

    assert kinds > 15
    assert learnt == 0
