"""Which network addresses a webhook may reach: the public ones, unless its owner says otherwise."""

import ipaddress

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that is routed. The rest holds what is local, or stands for it: IPv4 addresses behind
::/96 or ::ffff:0:0:0/96, a network's own NAT64 (64:ff9b:1::/48), site-local fec0::/10, …"""
_SPECIAL = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("3fff::/20"))
"""For protocols and documents; `ipaddress` of Python 3.11 takes (parts of) them for global."""


def is_public(ip: IpAddress) -> bool:
    """Whether an address is routed on the internet, also by the IPv4 address it may carry."""
    inner = _carried(ip)
    if inner is not None:
        return is_public(inner)
    if ip.version == 6 and ip not in _UNICAST:
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in net for net in _SPECIAL)


def _carried(ip: IpAddress) -> ipaddress.IPv4Address | None:
    if isinstance(ip, ipaddress.IPv4Address):
        return None
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour
