"""Which network addresses a webhook may reach: the public ones, unless its owner says otherwise."""

import ipaddress

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(ip: IpAddress) -> bool:
    """Whether an address is routed on the internet, also by the IPv4 address it may carry."""
    inner = _carried(ip)
    return ip.is_global and not ip.is_multicast if inner is None else is_public(inner)


def _carried(ip: IpAddress) -> ipaddress.IPv4Address | None:
    if isinstance(ip, ipaddress.IPv4Address):
        return None
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour
