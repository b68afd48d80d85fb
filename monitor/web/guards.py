"""Who may ask: whoever has the token, or, without one, whoever sits at this machine."""

import hashlib
import hmac
import ipaddress
import re

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from monitor.web import probes

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?")


def token_guard(token: str) -> Middleware:
    """Everything but the probes and the metrics needs the token, in its one header."""
    # Digests are all of one length: how long a comparison takes tells nothing of the token's.
    expected = _digest(token)

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        # Several could be read differently by a proxy before us.
        given = request.headers.getall("Authorization", [""])
        scheme, _, credentials = given[0].partition(" ")
        same = hmac.compare_digest(_digest(credentials), expected)
        if same and len(given) == 1 and scheme.lower() == "bearer":
            return await handler(request)
        # By the route that would answer, however its path was written.
        resource = request.match_info.route.resource
        if resource is not None and resource.canonical in probes.PATHS:
            return await handler(request)
        raise web.HTTPUnauthorized(
            text="expected the header Authorization: Bearer <http.token>",
            headers={"WWW-Authenticate": 'Bearer realm="cascade-monitor"'},
        )

    return guard


def host_guard() -> Middleware:
    """A web page elsewhere must not read this through a name of its own that points here.

    Nor may it post here from its own origin.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = request.headers.getall("Host", [""])
        if len(hosts) > 1 or not _is_loopback_name(hosts[0]):
            raise web.HTTPForbidden(
                text="the Host header is not of this machine: expected localhost or 127.0.0.1, "
                "or configure http.token_file"
            )
        for origin in request.headers.getall("Origin", []):
            if origin != f"http://{hosts[0]}":
                raise web.HTTPForbidden(
                    text="asked by a page of another origin: expected this one's"
                )
        return await handler(request)

    return guard


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _is_loopback_name(authority: str) -> bool:
    found = _AUTHORITY.fullmatch(authority)
    host = found[1].strip("[]").lower() if found else ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
