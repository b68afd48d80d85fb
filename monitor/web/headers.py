"""What every answer tells a browser: run nothing, keep nothing, and lend this to no other page."""

from collections.abc import Mapping

from aiohttp import web

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    # Which libraries answer, and of what version, is for nobody to know.
    "Server": "cascade-monitor",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
PAGE_HEADERS = {
    **HEADERS,
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}
"""Of pages: their own scripts and styles, by their own address, and nothing written into them."""
ASSET_HEADERS = {**HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
"""Of what never changes under its address."""
_CHOSEN: web.ResponseKey[Mapping[str, str]] = web.ResponseKey("headers")


def choose(response: web.StreamResponse, headers: Mapping[str, str]) -> None:
    """Another set of headers than an answer has by itself."""
    response[_CHOSEN] = headers


def harden(response: web.StreamResponse) -> None:
    """Before it is sent: no handler can forget one."""
    response.headers.update(response.get(_CHOSEN, HEADERS))
