"""A hostile address: no special-purpose network of the IANA registries is fetched from, whatever this Python knows."""

from __future__ import annotations

import ipaddress

import pytest

from conjure_magic.api.addresses import SPECIAL, allowed_addresses
from conjure_magic.errors import ToolError

NEWER_THAN_PYTHON = {
    "Azure's host": ["168.63.129.16", "::ffff:168.63.129.16", "64:ff9b::a83f:8110", "2002:a83f:8110::1"],
    "IETF protocol assignments": ["192.0.0.192", "192.0.0.9", "192.0.0.171", "2001:1::1", "2001:20::1", "2001:30::1"],
    "site-local": ["fec0::1", "feff::1"],
    "documentation": ["3fff::1", "3fff:fff:ffff::1", "2001:db8::1", "198.51.100.1", "203.0.113.1"],
    "a relay to 6to4": ["192.88.99.1"],
    "AS112": ["192.31.196.1", "192.175.48.1", "2620:4f:8000::1"],
    "AMT": ["192.52.193.1"],
    "segment routing": ["5f00::1"],
    "discard and dummy": ["100::1", "100:0:0:1::1"],
    "translated within a site": ["64:ff9b:1::a00:1", "::ffff:0:10.0.0.1"],
    "IPv4-compatible": ["::127.0.0.1", "::8.8.8.8"],
    "Teredo, whatever it holds": ["2001:0:a00:1::1"],
    "not assigned": ["4000::1", "1::1", "e000::1"],
}


@pytest.mark.parametrize("kind", NEWER_THAN_PYTHON)
def test_special_purpose_addresses_are_refused(kind: str) -> None:
    for address in NEWER_THAN_PYTHON[kind]:
        with pytest.raises(ToolError, match="not public"):
            allowed_addresses("host", [address], ())


@pytest.mark.parametrize("network", SPECIAL, ids=str)
def test_both_ends_of_every_listed_network_are_refused(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
    for address in (network[0], network[-1]):
        with pytest.raises(ToolError, match="not public"):
            allowed_addresses("host", [str(address)], ())


@pytest.mark.parametrize(
    "address",
    [
        *(
            "9.255.255.255",
            "11.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "192.0.1.0",
            "192.88.98.255",
            "223.255.255.255",
        ),
        *("2001:200::1", "2001:db9::1", "2a00::1", "3ffe::1", "2620:4f:8001::1", "64:ff9b::808:808"),
    ],
)
def test_the_neighbours_of_listed_networks_are_public(address: str) -> None:
    assert allowed_addresses("host", [address], ()) == [address]


def test_a_special_network_opens_when_the_setting_names_it() -> None:
    assert allowed_addresses("host", ["fec0::1", "192.0.0.192"], ["fec0::/10"]) == ["fec0::1"]
