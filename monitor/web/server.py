"""The HTTP server: one port for API, probes and metrics, and who may ask."""

import errno
from html import escape

from aiohttp import web

from monitor.core.ports import Answers
from monitor.errors import ConfigError
from monitor.metrics import Metrics
from monitor.web import probes
from monitor.web.answer import errors_as_json
from monitor.web.api import Api
from monitor.web.guards import host_guard, token_guard
from monitor.web.reception import Reception
from monitor.web.stream import Stream

MOST_BODY_BYTES = 64 * 1024
# aiohttp may wait twice this long; systemd kills what takes longer than TimeoutStopSec.
SHUTDOWN_SECONDS = 2.0
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>cascade-monitor</title>
<h1>cascade-monitor</h1>
<p>Projects liquidation cascades every block.</p>
<ul>
{rows}
</ul>
"""


class WebServer:
    """Serves from `start` to `stop`. Without a token only a loopback name is answered."""

    def __init__(
        self,
        answers: Answers,
        metrics: Metrics,
        stream: Stream,
        *,
        version: str,
        token: str | None = None,
    ) -> None:
        self._stream = stream
        self._api = Api(answers, version, stream)
        self._probes = probes.Probes(answers, metrics)
        self._guard = host_guard() if token is None else token_guard(token)
        self._runners: list[web.BaseRunner] = []

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port (the one found, for 0). Raises ConfigError if it cannot."""
        app = web.Application(
            middlewares=[errors_as_json, self._guard], client_max_size=MOST_BODY_BYTES
        )
        app.add_routes([web.get("/", self._page), *self._probes.routes(), *self._api.routes()])
        # The application's own server is never connected to; ours hands its questions on.
        application = web.AppRunner(app)
        await application.setup()
        assert application.server is not None
        runner = web.ServerRunner(Reception(application.server), shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        self._runners = [runner, application]
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await self.stop()
            raise ConfigError(_cannot_listen(host, port, error)) from error
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Within seconds, whoever listens or asks."""
        self._stream.end()
        for runner in self._runners:
            await runner.cleanup()
        self._runners = []

    async def _page(self, _request: web.Request) -> web.Response:
        paths = [("GET", path, "") for path in sorted(probes.PATHS)]
        paths += [(one.method, one.path, one.summary) for one in self._api.endpoints]
        rows = "\n".join(
            f"<li><code>{method} {_linked(method, path)}</code> {escape(summary)}</li>"
            for method, path, summary in paths
        )
        return web.Response(text=_PAGE.format(rows=rows), content_type="text/html")


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
