"""The real Alertmanager and the real Prometheus, and a receiver that Alertmanager notifies."""

import http.server
import json
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from devnet.debian import debian_command

RESOLVE_SECONDS = 2
"""Alertmanager's resolve_timeout here: what it does not hear of for so long is over."""
AWAITED_SECONDS = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(reached: Callable[[], bool], what: str) -> None:
    """Raises TimeoutError."""
    end = time.monotonic() + AWAITED_SECONDS
    while not reached():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {AWAITED_SECONDS} s")
        time.sleep(0.02)


class Notified:
    """An HTTP server in a thread that keeps what Alertmanager notifies it of."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        notified = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                notified.alerts += json.loads(body)["alerts"]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def of(self, breaker: str) -> list[tuple[str, str]]:
        """(severity, status) of each notification about a breaker, in order."""
        return [
            (one["labels"]["severity"], one["status"])
            for one in list(self.alerts)
            if one["labels"].get("breaker") == breaker
        ]

    def wait_for(self, breaker: str, *wanted: tuple[str, str]) -> None:
        """Until there were exactly these, in any order."""
        expected = sorted(wanted)
        try:
            wait_until(lambda: sorted(self.of(breaker)) == expected, "notifications")
        except TimeoutError as error:
            raise AssertionError(f"notified {self.of(breaker)}, expected {expected}") from error


class Program:
    """One of Debian's daemons, with its configuration in a folder."""

    def __init__(self, package: str, folder: Path) -> None:
        """Debian's packages of these are called as the programs in them."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = debian_command(package, package)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, config: Mapping[str, Any], *options: str) -> None:
        """Returns when it is ready. JSON is YAML."""
        (self._folder / "config.yml").write_text(json.dumps(config))
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, "--config.file=config.yml",
                 f"--web.listen-address=127.0.0.1:{self.port}",
                 "--web.external-url=http://outside.test/", "--web.route-prefix=/", *options],
                cwd=self._folder, stdout=log, stderr=log,
            )  # fmt: skip
        wait_until(self._is_ready, f"{self._command[-1]}, see {self._folder / 'log'}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return json.load(answer)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


class Alertmanager(Program):
    def __init__(self, folder: Path, notify: str) -> None:
        super().__init__("prometheus-alertmanager", folder)
        self._config = {
            "global": {"resolve_timeout": f"{RESOLVE_SECONDS}s"},
            "route": {"receiver": "hook", "group_by": ["..."], "group_wait": "0s",
                      "group_interval": "1s", "repeat_interval": "1h"},
            "receivers": [{"name": "hook", "webhook_configs": [{"url": notify}]}],
        }  # fmt: skip

    def run(self) -> None:
        self.start(self._config, "--cluster.listen-address=", "--storage.path=data")

    def firing(self, breaker: str) -> list[dict[str, Any]]:
        """What it holds for firing, as its own API tells."""
        path = f"/api/v2/alerts?filter=breaker%3D%22{breaker}%22"
        return list(self.get(path))


class Prometheus(Program):
    def __init__(self, folder: Path) -> None:
        super().__init__("prometheus", folder)

    def run(self, scraped: str, alertmanager: Alertmanager, rules: Sequence[Any]) -> None:
        """`scraped`: host and port of what has /metrics."""
        groups = [{"name": "breakers", "rules": list(rules)}]
        (self._folder / "rules.yml").write_text(json.dumps({"groups": groups}))
        told = [{"targets": [alertmanager.url.removeprefix("http://")]}]
        config = {
            "global": {"scrape_interval": "200ms", "evaluation_interval": "200ms"},
            "scrape_configs": [
                {"job_name": "cascade-monitor", "static_configs": [{"targets": [scraped]}]}
            ],
            "rule_files": ["rules.yml"],
            "alerting": {"alertmanagers": [{"static_configs": told}]},
        }
        self.start(config, "--storage.tsdb.path=data", "--rules.alert.resend-delay=200ms")
