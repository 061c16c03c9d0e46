"""dj-stripe on the same events and the same PostgreSQL: a peer, in a virtual environment of its own.

It runs as its documentation sets it up, under gunicorn with two processes of sixteen threads and connections
that stay open. With its processing, a webhook asks Stripe, here the sandbox, and is answered when its objects
are saved; with the processing put off (its own callback setting) it keeps the body and answers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen
from uuid import uuid4

import psutil
import psycopg

from azpay.sandbox import DEFAULT_KEY
from benchmarks.webhook_load import CHARGE
from benchmarks.webhook_servers import Running, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = ("dj-stripe>=2.11,<3", "gunicorn>=23", "psycopg[binary]>=3.2,<4")
HOME = Path(tempfile.gettempdir(), "azpay-benchmarks-dj-stripe")
SECRET = "whsec_azpay_benchmark"  # noqa: S105 - of an endpoint that lives for a minute
KEY = f"sk_test_{'x' * 24}"
"""As long as dj-stripe wants a key to be."""
STARTS_WITHIN = 60

SETTINGS = """
import os
SECRET_KEY = "a benchmark's"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
ROOT_URLCONF = "shop_urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "djstripe"]
DATABASES = {"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": os.environ["SHOP_NAME"], "USER": "postgres",
    "HOST": os.environ["SHOP_HOST"], "CONN_MAX_AGE": None,
}}
STRIPE_TEST_SECRET_KEY = os.environ["SHOP_KEY"]
STRIPE_LIVE_MODE = False
STRIPE_API_HOST = os.environ["SHOP_STRIPE"]
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
if os.environ["SHOP_PUT_OFF"]:
    DJSTRIPE_WEBHOOK_EVENT_CALLBACK = "shop_urls.later"
LOGGING = {"version": 1, "disable_existing_loggers": True}
"""
URLS = """
from django.urls import include, path

def later(trigger, api_key=None):
    pass

urlpatterns = [path("stripe/", include("djstripe.urls", namespace="djstripe"))]
"""
ENDPOINT = """
import os, django
django.setup()
from djstripe.models import WebhookEndpoint
WebhookEndpoint.objects.all().delete()  # the last run's, in the same database
WebhookEndpoint.objects.create(
    id="we_benchmark", livemode=False, secret=os.environ["SHOP_SECRET"], url="https://example.com/",
    enabled_events=["*"], djstripe_uuid=os.environ["SHOP_UUID"], api_version="2026-01-28.clover",
    djstripe_validation_method="verify_signature", djstripe_tolerance=300, metadata={}, stripe_data={},
)
"""


@contextmanager
def running(address: str, *, processing: bool) -> Iterator[Running]:
    """Listening, with its tables made, its endpoint known and one event taken."""
    python, uuid, port = installed(), str(uuid4()), free_port()
    with tempfile.TemporaryDirectory() as folder, a_stripe() as stripe:
        Path(folder, "shop_settings.py").write_text(SETTINGS)
        Path(folder, "shop_urls.py").write_text(URLS)
        env = environment(address, stripe, uuid, put_off=not processing)
        said = subprocess.PIPE
        for step in (["-m", "django", "migrate", "-v", "0"], ["-c", ENDPOINT]):
            subprocess.run([python, *step], cwd=folder, env=env, check=True, stdout=said)
        command = [
            "-m",
            "gunicorn",
            "-w",
            "2",
            "--threads",
            "16",
            "--keep-alive",
            "30",
            "-b",
            f"127.0.0.1:{port}",
        ]
        gunicorn = [python, *command, "--log-level", "error", "django.core.wsgi:get_wsgi_application()"]
        with subprocess.Popen(gunicorn, cwd=folder, env=env) as server:
            try:
                await_answer(port)
                children = psutil.Process(server.pid).children(recursive=True)
                pids = tuple(each.pid for each in children)
                yield Running(port, f"/stripe/webhook/{uuid}/", SECRET, pids)
            finally:
                server.terminate()


def installed() -> str:
    """Python of a virtual environment that has them all: gunicorn's command comes last."""
    python = HOME / "bin" / "python"
    if not (HOME / "bin" / "gunicorn").exists():
        venv.create(HOME, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)
    return str(python)


def environment(address: str, stripe: str, uuid: str, *, put_off: bool) -> dict[str, str]:
    url = urlsplit(address)
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "shop_settings",
        "PYTHONPATH": ".",
        "PYTHONWARNINGS": "ignore",
        "SHOP_NAME": url.path.strip("/"),
        "SHOP_HOST": parse_qs(url.query)["host"][0],
        "SHOP_KEY": KEY,
        "SHOP_STRIPE": stripe,
        "SHOP_SECRET": SECRET,
        "SHOP_UUID": uuid,
        "SHOP_PUT_OFF": "yes" if put_off else "",
    }


@contextmanager
def a_stripe() -> Iterator[str]:
    """A sandbox that has made the charge which the events speak of: the same seed, the same ids."""
    command = [sys.executable, "-m", "azpay", "sandbox", "--port", "0", "--seed", "7", "--key", KEY, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as sandbox:
        assert sandbox.stdout is not None
        try:
            address: str = json.loads(sandbox.stdout.readline())["data"]["api_base"]
            charge = Request(f"{address}/v1/payment_intents", data=CHARGE.encode())  # noqa: S310 - our own address
            charge.add_header("Authorization", f"Bearer {DEFAULT_KEY}")
            urlopen(charge, timeout=10).close()  # noqa: S310
            yield address
        finally:
            sandbox.terminate()


def await_answer(port: int) -> None:
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/")
            connection.getresponse().read()
        except (OSError, HTTPException):
            time.sleep(0.2)
        else:
            return
    raise TimeoutError("dj-stripe did not start.")


def kept(address: str) -> int:
    with psycopg.connect(address) as connection:
        if connection.execute("SELECT to_regclass('djstripe_webhookeventtrigger')").fetchone() == (None,):
            return 0
        (count,) = connection.execute("SELECT count(*) FROM djstripe_webhookeventtrigger").fetchone() or (0,)
        return int(count)
