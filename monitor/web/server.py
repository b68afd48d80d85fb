"""The HTTP server: one port for API, probes and metrics, and who may ask."""

import errno
from dataclasses import replace

from aiohttp import web

from monitor.core.ports import Answers
from monitor.errors import ConfigError
from monitor.metrics import Metrics
from monitor.web import probes
from monitor.web.answer import errors_as_json
from monitor.web.api import Api
from monitor.web.guards import host_guard, token_guard
from monitor.web.page.front import page_routes
from monitor.web.page.views import Manners
from monitor.web.reception import Reception
from monitor.web.sessions import Sessions
from monitor.web.stream import Stream

MOST_BODY_BYTES = 64 * 1024
# aiohttp may wait twice this long; systemd kills what takes longer than TimeoutStopSec.
SHUTDOWN_SECONDS = 2.0


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
        manners: Manners | None = None,
    ) -> None:
        self._stream = stream
        self._api = Api(answers, version, stream, is_guarded=token is not None)
        self._probes = probes.Probes(answers, metrics)
        sessions = None if token is None else Sessions(token)
        self._guard = host_guard() if sessions is None else token_guard(sessions)
        shown = replace(manners or Manners(version), questions=self._api.endpoints)
        self._page = page_routes(answers, metrics, stream, shown, sessions)
        self._runners: list[web.BaseRunner] = []

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port (the one found, for 0). Raises ConfigError if it cannot."""
        app = web.Application(
            middlewares=[errors_as_json, self._guard], client_max_size=MOST_BODY_BYTES
        )
        app.add_routes([*self._page, *self._probes.routes(), *self._api.routes()])
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


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"http.listen = '{host}:{port}': the port is taken, perhaps by another daemon: stop "
            "that one, or set http.listen to a free port"
        )
    return f"http.listen = '{host}:{port}': {error.strerror}: expected an address of this machine"
