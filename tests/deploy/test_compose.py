"""compose.yaml: valid, whole, and brought up with Debian's programs in place of its images.

Not run: Grafana, of which neither an image nor a package is to be had here. Its service is
left out, and what is provisioned for it is read.
"""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from stage import Stage, new_stage, slide

from deploy.composed import FOLDER, HOST, Composed, awaited, copied, ports, relay
from deploy.containers import Containers, containers
from deploy.images import ROOT, base_name, product, service

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]
COMPOSE = FOLDER / "compose.yaml"
RUN = ("cascade-monitor", "redis", "prometheus", "alertmanager")
OURS = "cascade-monitor"


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[Containers]:
    async with containers() as engine:
        yield engine


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with new_stage(tmp_path_factory.mktemp("compose")) as stage:
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def composed(
    engine: Containers,
    stage: Stage,
    described: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Composed:
    """Nothing is up yet, and nobody has written the endpoints."""
    await product(engine)
    images = {name: each["image"] for name, each in described["services"].items()}
    await service(engine, images["redis"], "0", "[]")
    await service(engine, images["prometheus"], "65534", '["/usr/bin/prometheus"]')
    await service(engine, images["alertmanager"], "65534", '["/usr/bin/prometheus-alertmanager"]')
    folder = copied(tmp_path_factory.mktemp("clone"))
    written, _ = stage.config(secret_file=Path("credentials/webhook"))
    text = re.sub(r"(?m)^endpoints = .*$", 'endpoints_file = "credentials/endpoints"',
                  written.read_text())  # fmt: skip
    (folder / "own.toml").write_text(re.sub(r"(?m)^state_dir = .*\n", "", text))
    return Composed(engine, folder, "composed", {"MONITOR_CONFIG": "./own.toml"} | ports())


async def test_compose__against_its_schema__is_valid(engine: Containers) -> None:
    check = str(ROOT / ".venv" / "bin" / "check-jsonschema")
    await engine.command(check, "--builtin-schema", "vendor.compose-spec", str(COMPOSE))


async def test_compose__every_service__is_confined(described: dict[str, Any]) -> None:
    for name, one in described["services"].items():
        assert (name, one["read_only"], one["cap_drop"]) == (name, True, ["ALL"])
        assert one["security_opt"] == ["no-new-privileges:true"]
        assert one["mem_limit"], name
        assert one["pids_limit"], name
        assert one["restart"] == ("no" if name == "prepare" else "unless-stopped")
        assert all(port.startswith("127.0.0.1:") for port in one.get("ports", ()))
        assert name == OURS or re.fullmatch(r"docker\.io/.+:v?\d+\.\d+.*", one["image"])
        assert (name, "cap_add" in one) == (name, name == "prepare")
    assert described["services"]["prepare"]["image"] == base_name()
    assert described["networks"]["store"] == {"internal": True}


async def test_compose__everything_it_mounts__is_in_the_repository(
    described: dict[str, Any],
) -> None:
    volumes = [each for one in described["services"].values() for each in one.get("volumes", ())]
    sources = [each["source"] if isinstance(each, dict) else each.split(":")[0] for each in volumes
               if isinstance(each, dict) or not each.startswith("${")]  # fmt: skip
    of_files = [re.sub(r"\$\{\w+:-(.*)\}", r"\1", one) for one in sources]
    paths = [one for one in of_files if one.startswith(".")]
    assert {"./ethereum.toml", "./prometheus", "./grafana/dashboards"} <= set(paths)
    assert [one for one in paths if not (FOLDER / one).exists()] == []
    assert {one for one in of_files if not one.startswith(".")} == set(described["volumes"])


async def test_compose__its_variables__are_all_in_the_example(described: dict[str, Any]) -> None:
    used = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE.read_text()))
    example = (FOLDER / ".env.example").read_text()
    assert dict(re.findall(r"(?m)^#(\w+)=(.*)$", example)) == used
    assert described["name"] == OURS


async def test_prometheus_and_alertmanager__their_configurations__pass_their_own_checks(
    engine: Containers,
) -> None:
    await engine.command("promtool", "check", "config", str(FOLDER / "prometheus/prometheus.yml"))
    config = FOLDER / "alertmanager" / "alertmanager.yml"
    await engine.command("amtool", "check-config", str(config))
    # The receivers that are only examples, taken for real.
    text = re.sub(r"(?m)^#  ", "  ", config.read_text())
    assert text.count("- name:") == 5
    example = engine.folder / "receivers.yml"
    example.write_text(text)
    await engine.command("amtool", "check-config", str(example))


async def test_grafana__what_is_provisioned__points_at_what_is_there(
    described: dict[str, Any],
) -> None:
    provisioning = FOLDER / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yaml").read_text())[
        "datasources"
    ]
    assert (source["uid"], source["type"]) == ("prometheus", "prometheus")
    assert source["url"] == "http://prometheus:9090"
    scraped = yaml.safe_load((FOLDER / "prometheus" / "prometheus.yml").read_text())
    assert source["jsonData"]["timeInterval"] == scraped["global"]["scrape_interval"]
    (provider,) = yaml.safe_load((provisioning / "dashboards/cascade-monitor.yaml").read_text())[
        "providers"
    ]
    mounted = described["services"]["grafana"]["volumes"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in mounted
    boards = [json.loads(path.read_text()) for path in (FOLDER / "grafana/dashboards").iterdir()]
    assert {board["title"] for board in boards} >= {"Cascade risk", "Cascade monitor"}
    assert len({board["uid"] for board in boards}) == len(boards)


async def test_compose__without_endpoints__says_which_file_to_write(composed: Composed) -> None:
    finished = await composed.compose("run", "--rm", "-T", "prepare", check=False)
    assert finished.code == 78
    assert "deploy/compose/credentials/endpoints: there is no such file" in finished.err
    assert not (composed.credentials / "token").exists()


async def test_compose__the_shipped_configuration__is_whole_with_its_credentials(
    composed: Composed, stage: Stage
) -> None:
    shipped = replace(composed, variables=ports())
    async with relay(stage.world.anvil.http_url) as port:
        _write(composed.credentials / "endpoints", f"http://{HOST}:{port}\n")
        try:
            checked = await shipped.compose("run", "--rm", "-T", OURS, "check", check=False)
        finally:
            await shipped.compose("down", "--volumes")
    # Another chain, so nothing is where it should be; but there was nothing to say before that.
    assert (checked.code, "chain" in checked.out) == (1, True)
    assert "31337" in checked.out


async def test_compose__brought_up__watches_alerts_and_keeps_its_state(
    composed: Composed, stage: Stage
) -> None:
    credentials = composed.credentials
    async with relay(stage.world.anvil.http_url) as port:
        _write(credentials / "endpoints", f"ws://{HOST}:{port}\nhttp://{HOST}:{port}\n")
        _write(credentials / "webhook", stage.receiver.secret)
        await composed.compose("up", "--detach", "--no-build", *RUN)
        token = (credentials / "token").read_text().strip()
        await _reached(composed, token, await stage.head())
        await _check_confined(composed)
        await _check_scraped(composed)
        await slide(stage.world, 1700)
        await _reached(composed, token, await stage.head())
        await _check_fires(composed)
        assert "bootstrap_started" in await composed.said(OURS)

        await composed.compose("down")
        await stage.world.mine(2)
        await composed.compose("up", "--detach", "--no-build", *RUN)
        await _reached(composed, token, await stage.head())
        assert "bootstrap_started" not in await composed.said(OURS)
        assert (credentials / "token").read_text().strip() == token
        await composed.compose("down", "--volumes")


def _write(path: Path, text: str) -> None:
    """As its owner would: nobody else may read it."""
    path.write_text(text)
    path.chmod(0o600)


async def _reached(composed: Composed, token: str, block_hash: str) -> None:
    def is_judged(status: Any) -> bool:
        return bool((status["evaluated"] or {}).get("hash") == block_hash)

    await awaited(
        lambda: composed.get("MONITOR", "/api/v1/status", token), is_judged, "the block is judged"
    )
    await composed.get("MONITOR", "/readyz")


async def _check_confined(composed: Composed) -> None:
    """Healthy, each reads its own secrets, and Redis is there for the monitor alone."""
    for name in RUN:
        found = await composed.engine.podman("healthcheck", "run", composed.container(name))
        assert (name, found.code) == (name, 0)
    resolve = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"
    await composed.inside(OURS, "python", "-c", resolve, "redis", "6379")
    refused = await composed.inside("prometheus", "python3", "-c", resolve, "redis", "6379",
                                    check=False)  # fmt: skip
    assert refused.code != 0
    assert "gaierror" in refused.err
    listed = await composed.inside(OURS, "ls", "-ln", "/etc/cascade-monitor/credentials")
    rows = {line.split()[-1]: line.split()[:3:2] for line in listed.out.splitlines()[1:]}
    ours, grafanas = ["-r--------", "10001"], ["-r--------", "472"]
    assert rows == {
        "endpoints": ours, "token": ours, "webhook": ours, "grafana_password": grafanas
    }  # fmt: skip
    checked = await composed.inside(OURS, "cascade-monitor", "check")
    assert "0 faults" in checked.err  # Redis among it: it evicts nothing and writes all down


async def _check_scraped(composed: Composed) -> None:
    def are_up(answer: Any) -> bool:
        targets = answer["data"]["activeTargets"]
        return len(targets) == 3 and all(each["health"] == "up" for each in targets)

    def are_judged(answer: Any) -> bool:
        rules = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
        return bool(rules) and all(rule["health"] == "ok" for rule in rules)

    await awaited(lambda: composed.get("PROMETHEUS", "/api/v1/targets"), are_up, "targets are up")
    await awaited(lambda: composed.get("PROMETHEUS", "/api/v1/rules"), are_judged, "rules are well")


async def _check_fires(composed: Composed) -> None:
    """The trip, by way of Prometheus' rules, on Alertmanager's page."""

    def names(alerts: Any) -> set[str]:
        return {alert["labels"]["alertname"] for alert in alerts}

    await awaited(
        lambda: composed.get("ALERTMANAGER", "/api/v2/alerts"),
        lambda alerts: "CascadeMonitorBreakerTripped" in names(alerts),
        "Alertmanager has the alert",
    )
