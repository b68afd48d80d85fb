"""Who may ask: whoever has the token, or, without one, whoever sits at this machine."""

import ipaddress
import re
from collections.abc import Callable
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from monitor.web import probes
from monitor.web.answer import elsewhere
from monitor.web.sessions import COOKIE, Sessions

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?")
LOGIN = "/login"
OPEN = probes.PATHS | {LOGIN, "/assets/{name}"}
"""What needs no token, by its route: the probes, the metrics, and what the login is made of."""
_READING = ("GET", "HEAD")
STILL_IN: web.RequestKey[Callable[[], bool]] = web.RequestKey("still_in")
"""Of a question that a session asked: whether that session is open still."""


def token_guard(sessions: Sessions) -> Middleware:
    """All that is not open needs the token, in its one header, or the cookie of a session."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        # Several could be read differently by a proxy before us.
        given = request.headers.getall("Authorization", [])
        if given:
            scheme, _, credentials = given[0].partition(" ")
            same = sessions.is_token(credentials)
            is_let_in = same and len(given) == 1 and scheme.lower() == "bearer"
        else:
            secret = request.cookies.get(COOKIE, "")
            is_let_in = sessions.knows(secret)
            request[STILL_IN] = lambda: sessions.knows(secret)
            if is_let_in and request.method not in _READING and not is_of_this_page(request):
                raise _foreign()
        # By the route that would answer, however its path was written.
        resource = request.match_info.route.resource
        if is_let_in or (resource is not None and resource.canonical in OPEN):
            return await handler(request)
        if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
            return elsewhere(f"{LOGIN}?next={quote(request.path, safe='')}")
        raise web.HTTPUnauthorized(
            text="expected the header Authorization: Bearer <http.token>",
            headers={"WWW-Authenticate": 'Bearer realm="cascade-monitor"'},
        )

    return guard


def host_guard() -> Middleware:
    """A web page elsewhere must not read this through a name of its own that points here.

    Nor may it post here from its own origin, nor load anything of this into itself: nobody would
    read it, but what takes long, or is open for few, would be kept busy. A link may lead here.
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
                raise _foreign()
        is_elsewhere = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
        if is_elsewhere and request.headers.get("Sec-Fetch-Mode") != "navigate":
            raise _foreign()
        return await handler(request)

    return guard


def is_of_this_page(request: web.Request) -> bool:
    """Whether a browser says that one of our own pages asks.

    `Sec-Fetch-Site` is not sent over plain HTTP, except on loopback; there the origin tells.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origins, host = request.headers.getall("Origin", []), request.headers.get("Host")
    # Behind a proxy that speaks HTTPS, its address has that scheme.
    return len(origins) == 1 and origins[0] in (f"http://{host}", f"https://{host}")


def _foreign() -> web.HTTPForbidden:
    return web.HTTPForbidden(text="asked by a page of another origin: expected this one's")


def _is_loopback_name(authority: str) -> bool:
    found = _AUTHORITY.fullmatch(authority)
    host = found[1].strip("[]").lower() if found else ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
