"""Which addresses a fetch for a model may reach: public ones, and those that the user allows in a setting.

The list is our own, so that what is refused does not depend on the age of Python's `ipaddress`, whose judgement
counts as well. Its sources, reviewed on 2026-11-30: the special-purpose address registries of IANA
(iana-ipv4-special-registry, iana-ipv6-special-registry), the IPv6 address space registry for what is assigned as
unicast at all, RFC 3879 (site-local), and the cloud providers' addresses of their own hosts that lie in public space.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

from conjure_magic.errors import ToolError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LOOPBACK = ("127.0.0.0/8", "::1/128")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
UNICAST = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that is assigned as global unicast; the rest is refused, whatever it will be for."""

_SPECIAL_IPV4 = (
    "0.0.0.0/8",  # this network
    "10.0.0.0/8",  # private use
    "100.64.0.0/10",  # shared behind a carrier; clouds put services of their own here
    "127.0.0.0/8",  # loopback
    "168.63.129.16/32",  # Azure: the host below a virtual machine
    "169.254.0.0/16",  # link-local; cloud metadata
    "172.16.0.0/12",  # private use
    "192.0.0.0/24",  # IETF protocol assignments; Oracle's cloud metadata
    "192.0.2.0/24",  # documentation
    "192.31.196.0/24",  # AS112
    "192.52.193.0/24",  # AMT
    "192.88.99.0/24",  # 6to4 relay, deprecated
    "192.168.0.0/16",  # private use
    "192.175.48.0/24",  # AS112
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved; broadcast
)
_SPECIAL_IPV6 = (
    "2001::/23",  # IETF protocol assignments: Teredo, ORCHID, benchmarks and more
    "2001:db8::/32",  # documentation
    "2620:4f:8000::/48",  # AS112
    "3fff::/20",  # documentation
    # Outside of UNICAST, so refused twice; named for who reads the registry beside this list:
    "64:ff9b:1::/48",  # translation within a site
    "100::/64",  # discard
    "100:0:0:1::/64",  # dummy
    "5f00::/16",  # segment routing
    "fc00::/7",  # unique local
    "fe80::/10",  # link-local
    "fec0::/10",  # site-local, deprecated
    "ff00::/8",  # multicast
)
SPECIAL: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = (
    *map(ipaddress.IPv4Network, _SPECIAL_IPV4),
    *map(ipaddress.IPv6Network, _SPECIAL_IPV6),
)
"""Networks that are not public. An IPv6 address that carries an IPv4 one is judged by that one."""


def allowed_addresses(host: str, addresses: Iterable[str], private: Iterable[str]) -> list[str]:
    """Those of a host's addresses that may be reached: public ones, and those in the networks of `private`.

    Raises ToolError, which names the setting, if there are none.
    """
    networks = _networks(private)
    found = dict.fromkeys(addresses)
    fine = [text for text in found if _is_allowed(text, networks)]
    if not fine:
        raise ToolError(
            f"{host} leads to {', '.join(found) or 'no address'}, which is not public; the person can allow it by the "
            "setting fetch_private, a list such as ['localhost'] or ['10.0.0.0/8']"
        )
    return fine


def names_network(host: str, private: Iterable[str]) -> bool:
    """True if `private` names what the host leads to without a look-up: an address that is not public, or localhost."""
    networks = _networks(private)
    try:
        text = str(ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]").partition("%")[0]))
    except ValueError:
        return False
    return _is_allowed(text, networks) and not _is_allowed(text, ())


def _is_allowed(text: str, networks: Sequence[Any]) -> bool:
    try:
        address = _unwrapped(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return False
    if any(address.version == network.version and address in network for network in networks):
        return True
    if isinstance(address, ipaddress.IPv6Address) and address not in UNICAST:
        return False
    if any(address.version == network.version and address in network for network in SPECIAL):
        return False
    return address.is_global and not address.is_reserved


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for (mapped, 6to4, NAT64); else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


def _networks(private: Iterable[str]) -> list[Any]:
    found: list[Any] = []
    for word in private:
        texts = LOOPBACK if word == "localhost" else ("0.0.0.0/0", "::/0") if word == "all" else (word,)
        try:
            found += [ipaddress.ip_network(text, strict=False) for text in texts]
        except ValueError:
            raise ToolError(f"the setting fetch_private has {word!r}, which is no network") from None
    return found
