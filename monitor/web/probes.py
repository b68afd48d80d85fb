"""What machines ask: `/healthz`, `/readyz`, `/metrics`. Open to all who can connect."""

from aiohttp import web

from monitor.core.ports import Answers, Probe
from monitor.metrics import CONTENT_TYPE, Metrics
from monitor.web.answer import json_answer

PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class Probes:
    def __init__(self, answers: Answers, metrics: Metrics) -> None:
        self._answers = answers
        self._metrics = metrics

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/healthz", self._healthz),
            web.get("/readyz", self._readyz),
            web.get("/metrics", self._scrape),
        ]

    async def _healthz(self, _request: web.Request) -> web.Response:
        return _probe_answer(self._answers.alive())

    async def _readyz(self, _request: web.Request) -> web.Response:
        return _probe_answer(self._answers.ready())

    async def _scrape(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), headers={"Content-Type": CONTENT_TYPE})


def _probe_answer(probe: Probe) -> web.Response:
    body = {"ok": probe.ok, "reasons": list(probe.reasons)}
    return json_answer(body, status=200 if probe.ok else 503)
