"""Whose address is believed, and whose is not."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from azpay.http.proxies import FORWARDED_FOR, Proxies

OURS = Proxies([ip_network("10.0.0.0/8"), ip_network("127.0.0.0/8"), ip_network("fd00::/8")])


def client(peer: str | None, *forwarded: str, proxies: Proxies = OURS) -> str | None:
    headers = CIMultiDict((FORWARDED_FOR, line) for line in forwarded)
    request = make_mocked_request("GET", "/", headers=headers)
    request = request if peer is None else request.clone(remote=peer)
    return proxies.client(request)


def test_a_stranger_is_who_connects_whatever_the_header_says() -> None:
    assert client("203.0.113.9", "198.51.100.1") == "203.0.113.9"


def test_our_proxy_is_believed_about_who_asked_it() -> None:
    assert client("10.0.0.1", "198.51.100.1") == "198.51.100.1"


def test_what_a_client_wrote_before_our_proxy_is_not_believed() -> None:
    assert client("10.0.0.1", "1.1.1.1, 2.2.2.2, 198.51.100.1") == "198.51.100.1"
    assert client("10.0.0.1", "1.1.1.1", "198.51.100.1") == "198.51.100.1"


def test_proxies_of_ours_in_a_row_are_passed_over() -> None:
    assert client("127.0.0.1", "198.51.100.1, 10.2.3.4") == "198.51.100.1"


def test_a_thousand_forged_headers_are_one_address() -> None:
    seen = {client("10.0.0.1", f"1.2.{number // 256}.{number % 256}, 198.51.100.1") for number in range(1000)}

    assert seen == {"198.51.100.1"}


@pytest.mark.parametrize("odd", ["unknown", "", "198.51.100.1:443", "_hidden", "1.2.3", "é"])
def test_what_is_no_address_ends_the_search_at_the_last_good_one(odd: str) -> None:
    assert client("10.0.0.1", f"{odd}, 10.0.0.2") == "10.0.0.2"
    assert client("10.0.0.1", odd) == "10.0.0.1"


def test_a_request_from_inside_is_from_the_outermost_of_ours() -> None:
    assert client("10.0.0.1", "10.0.0.7") == "10.0.0.7"
    assert client("10.0.0.1") == "10.0.0.1"


def test_an_ipv4_address_in_ipv6_clothes_is_known() -> None:
    assert client("::ffff:10.0.0.1", "2001:db8::7") == "2001:db8::7"


def test_a_unix_socket_has_no_address() -> None:
    assert client(None, "198.51.100.1") is None
    assert client("", "198.51.100.1") is None


def test_without_proxies_nobody_is_believed() -> None:
    assert client("127.0.0.1", "198.51.100.1", proxies=Proxies([])) == "127.0.0.1"
