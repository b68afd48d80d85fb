"""Debian's Prometheus with this repository's rules, and what it answers."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stage import free_port

RULES = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"
JOB = "cascade-monitor"
READY_SECONDS = 20.0
Series = dict[str, Any]


class PrometheusServer:
    """Scrapes daemons every second, and judges the rules as often."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, targets: Sequence[str]) -> None:
        """Returns when it is ready. `targets`: host and port of each daemon."""
        for name in ("recording.rules.yml", "alerting.rules.yml"):
            shutil.copy(RULES / name, self._folder / name)
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["*.rules.yml"],
            "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": list(targets)}]}],
        }
        (self._folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    "--config.file=prometheus.yml",
                    "--storage.tsdb.path=data",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                    "--web.external-url=http://prometheus.test/",
                    "--web.route-prefix=/",
                ],
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            assert time.monotonic() < end, (self._folder / "log").read_text()[-2000:]
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def now(self, expr: str, at: float) -> list[Series]:
        """Instant vector at a time."""
        return list(self._asked("query", query=expr, time=at)["result"])

    def over(self, expr: str, begin: float, end: float, step_seconds: int = 1) -> list[Series]:
        """Range vector."""
        answer = self._asked("query_range", query=expr, start=begin, end=end, step=step_seconds)
        return list(answer["result"])

    def label_values(self, label: str, selector: str) -> list[str]:
        told: list[str] = self._asked(f"label/{label}/values", **{"match[]": selector})
        return told

    def rules(self) -> list[Series]:
        """All loaded rules, each with how its last evaluation went."""
        groups = self._asked("rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def _asked(self, path: str, **parameters: object) -> Any:
        """Raises AssertionError with what Prometheus says of a bad query."""
        asked = urllib.parse.urlencode(parameters)
        url = f"http://127.0.0.1:{self._port}/api/v1/{path}?{asked}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                document = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error
        assert document["status"] == "success", document
        return document["data"]

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self._port}/-/ready", timeout=1
            ) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
