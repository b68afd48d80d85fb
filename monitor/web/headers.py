"""What every answer tells a browser: run nothing, keep nothing, and lend this to no other page."""

import base64
import hashlib

from aiohttp import web

STYLE = "body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto}"
"""The page's style. The policy names its digest: no other is used, were one smuggled in."""
_STYLE_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    # Which libraries answer, and of what version, is for nobody to know.
    "Server": "cascade-monitor",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def harden(response: web.StreamResponse) -> None:
    """Before it is sent: no handler can forget one."""
    response.headers.update(HEADERS)
