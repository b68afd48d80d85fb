"""The HTTP server: one port for API, probes and metrics, and who may ask."""

import errno
import hmac
import ipaddress
from html import escape
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from monitor.core.ports import Answers
from monitor.errors import ConfigError
from monitor.metrics import Metrics
from monitor.web import probes
from monitor.web.answer import errors_as_json
from monitor.web.api import Api

MOST_BODY_BYTES = 64 * 1024
# aiohttp may wait twice this long; systemd kills what takes longer than TimeoutStopSec.
SHUTDOWN_SECONDS = 2.0
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>cascade-monitor</title>
<body style="font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto">
<h1>cascade-monitor</h1>
<p>Projects liquidation cascades every block.</p>
<ul>
{rows}
</ul>
"""


class WebServer:
    """Serves from `start` to `stop`. Without a token only a loopback name is answered."""

    def __init__(
        self, answers: Answers, metrics: Metrics, *, version: str, token: str | None = None
    ) -> None:
        self._api = Api(answers, version)
        self._probes = probes.Probes(answers, metrics)
        self._guard = _host_guard() if token is None else _token_guard(token)
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port (the one found, for 0). Raises ConfigError if it cannot."""
        app = web.Application(
            middlewares=[errors_as_json, self._guard], client_max_size=MOST_BODY_BYTES
        )
        app.add_routes([web.get("/", self._page), *self._probes.routes(), *self._api.routes()])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self.stop()
            raise ConfigError(_cannot_listen(host, port, error)) from error
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _page(self, _request: web.Request) -> web.Response:
        paths = [("GET", path, "") for path in sorted(probes.PATHS)]
        paths += [(one.method, one.path, one.summary) for one in self._api.endpoints]
        rows = "\n".join(
            f"<li><code>{method} {_linked(method, path)}</code> {escape(summary)}</li>"
            for method, path, summary in paths
        )
        return web.Response(
            text=_PAGE.format(rows=rows),
            content_type="text/html",
            headers={
                "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
                "X-Content-Type-Options": "nosniff",
            },
        )


def _linked(method: str, path: str) -> str:
    if method != "GET" or "{" in path:
        return escape(path)
    return f'<a href="{path}">{path}</a>'


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"http.listen = '{host}:{port}': the port is taken, perhaps by another daemon: stop "
            "that one, or set http.listen to a free port"
        )
    return f"http.listen = '{host}:{port}': {error.strerror}: expected an address of this machine"


def _token_guard(token: str) -> Middleware:
    """Everything but the probes and the metrics needs the token."""
    expected = token.encode()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        same = hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected)
        if request.path in probes.PATHS or (scheme.lower() == "bearer" and same):
            return await handler(request)
        raise web.HTTPUnauthorized(
            text="expected the header Authorization: Bearer <http.token>",
            headers={"WWW-Authenticate": 'Bearer realm="cascade-monitor"'},
        )

    return guard


def _host_guard() -> Middleware:
    """A web page elsewhere must not read this through a name of its own that points here.

    Nor may it post here from its own origin.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get("Host", "")
        if not _is_loopback_name(host):
            raise web.HTTPForbidden(
                text="the Host header is not of this machine: expected localhost or 127.0.0.1, "
                "or configure http.token_file"
            )
        origin = request.headers.get("Origin")
        if origin not in (None, f"http://{host}"):
            raise web.HTTPForbidden(text="asked by a page of another origin: expected this one's")
        return await handler(request)

    return guard


def _is_loopback_name(authority: str) -> bool:
    try:
        host = urlsplit(f"//{authority}").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
