"""The image, built by its Dockerfile and run as the documents say, on a real chain of borrowers."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from daemon_process import Finished
from receiving import receiving
from stage import BORROWERS, Stage, free_port, new_stage, slide

from deploy.containers import Containers, containers
from deploy.images import DOCKERFILE, ROOT, context, product
from deploy.service import HARDENED, TOKEN, Service, options

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]
MONITOR = 10001
MOST_MEGABYTES = 450
"""Of which the stand-in for the base is 195; the official base is smaller."""
LONGEST_STOP_SECONDS = 10
GIVEN = {"LICENSE", "README.md", "pyproject.toml", "contracts_abi", "deploy", "monitor"}
"""What a build is given of a checkout."""
CHAT = """
[[webhooks]]
name = "chat"
format = "apprise"
url = "json://127.0.0.1:{port}/KEY"
allow_private = true
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[Containers]:
    async with containers() as engine:
        yield engine


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def image(engine: Containers) -> str:
    return await product(engine)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with new_stage(tmp_path_factory.mktemp("image")) as stage:
        yield stage


@pytest.fixture
def service(engine: Containers, image: str, stage: Stage, tmp_path: Path) -> Service:
    """On a configuration that says nothing of containers; the environment does."""
    port, credentials = free_port(), tmp_path / "etc" / "credentials"
    credentials.mkdir(parents=True)
    for name, text in (("token", TOKEN), ("webhook", stage.receiver.secret)):
        (credentials / name).write_text(text)
        (credentials / name).chmod(0o400)
        os.chown(credentials / name, MONITOR, MONITOR)
    written, _ = stage.config(secret_file=Path("credentials/webhook"))
    lines = written.read_text().splitlines(keepends=True)
    config = credentials.parent / "monitor.toml"
    config.write_text("".join(line for line in lines if not line.startswith("state_dir")))
    environ = {
        "CASCADE_MONITOR_HTTP__LISTEN": f"0.0.0.0:{port}",
        "CASCADE_MONITOR_HTTP__TOKEN_FILE": "credentials/token",
    }
    return Service(engine, image, tmp_path.name, credentials.parent, port, environ)


async def test_dockerfile__linted__has_no_finding(engine: Containers) -> None:
    await engine.command(str(ROOT / ".venv" / "bin" / "hadolint"), str(DOCKERFILE))


async def test_image__inspected__runs_as_nobody_in_particular(
    engine: Containers, image: str
) -> None:
    (found,) = json.loads((await engine.podman("image", "inspect", image)).out)
    config = found["Config"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["cascade-monitor"]
    assert config["Cmd"] == ["run", "--config", "/etc/cascade-monitor/monitor.toml"]
    assert list(config["Volumes"]) == ["/data"]
    assert config["StopSignal"] == "SIGTERM"
    assert found["Healthcheck"]["Test"] == ["CMD", "cascade-monitor", "probe", "--live"]
    assert found["Size"] / 1e6 < MOST_MEGABYTES


async def test_image__looked_into__holds_the_product_compiled_and_nothing_to_build_with(
    engine: Containers, image: str
) -> None:
    async with engine.mounted(image) as root:
        _check_contents(root)


def _check_contents(root: Path) -> None:
    (site,) = root.glob("opt/cascade-monitor/lib/python3*/site-packages")
    installed = {path.name for path in site.iterdir()}
    assert not installed & {"pip", "hatchling", "pytest", "mypy", "devnet"}
    found = _files(site / "monitor")
    sources = {path for path in found if path.suffix == ".py"}
    assert Path("__main__.py") in sources
    assert sources == {
        path.parents[1] / f"{path.name.split('.')[0]}.py" for path in found if path.suffix == ".pyc"
    }


def _files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


async def test_context__of_a_build__holds_no_history_no_caches_and_no_secrets(
    engine: Containers,
) -> None:
    secret = ROOT / "deploy" / "compose" / "credentials" / f"test-{os.getpid()}"
    secret.touch()
    try:
        async with engine.mounted(await context(engine)) as root:
            found = _files(root)
    finally:
        secret.unlink()
    of_deploy = {path for path in found if path.parts[0] == "deploy"}
    assert {path.parts[0] for path in found} == GIVEN
    assert {path.suffix for path in of_deploy} <= {".toml", ".txt"}
    assert {len(path.parts) for path in of_deploy} == {2}
    assert not [path for path in found if "__pycache__" in path.parts]


async def test_container__read_only_without_rights__follows_the_chain_and_stops_clean(
    service: Service, stage: Stage
) -> None:
    await service.start()
    first = await service.reached(await stage.head())
    assert (await service.get("/readyz", token=None))[0] == 200
    healthy = await service.engine.podman("healthcheck", "run", service.name)
    assert healthy.code == 0
    await _check_doors(service)
    listed = await service.command("positions", "--json", "--limit", "1000")
    rows = json.loads(listed.out)["positions"]
    assert len(rows) > BORROWERS
    checked = await service.command("check")
    assert "0 faults" in checked.err
    await service.command("store", "backup", "--output", "/data/backup")
    code, seconds = await service.stop()
    assert code == 0, await service.said()
    assert seconds <= LONGEST_STOP_SECONDS
    assert "bootstrap_started" in await service.said()

    await stage.world.mine(3)
    await service.start()
    await service.reached(await stage.head())
    assert "bootstrap_started" not in await service.said()
    again = json.loads((await service.get("/api/v1/positions?limit=1000"))[1])
    assert [row["account"] for row in again["positions"]] == [row["account"] for row in rows]
    assert again["block"]["number"] > first["evaluated"]["number"]
    assert (await service.stop())[0] == 0


async def _check_doors(service: Service) -> None:
    """What needs the token, and what does not."""
    assert (await service.get("/api/v1/positions", token=None))[0] == 401
    assert (await service.get("/api/v1/positions", token="another"))[0] == 401
    code, page = await service.get("/")
    assert (code, "<!doctype html>" in page.lower()) == (200, True)
    code, metrics = await service.get("/metrics", token=None)
    assert (code, "cascade_monitor_build_info" in metrics) == (200, True)


async def test_container__killed_amid_blocks__goes_on_where_it_was_and_alerts(
    service: Service, stage: Stage
) -> None:
    async with receiving() as chat:
        with (service.folder / "monitor.toml").open("a") as config:
            config.write(CHAT.format(port=chat.port))
        await service.start()
        await service.reached(await stage.head())
        await stage.world.mine(2)
        assert await service.kill() == 137
        await slide(stage.world, 1700)
        await service.start()
        status = await service.reached(await stage.head())
        assert "bootstrap_started" not in await service.said()
        assert status["breakers"][0]["phase"] == "tripped"
        await stage.receiver.wait_for("breaker.tripped")
        assert len(stage.receiver.letters) == len({one.id for one in stage.receiver.letters})
        # Flushed on the way out: apprise runs in a process of its own, in here as elsewhere.
        assert (await service.stop())[0] == 0
        assert len(chat.got) == len(stage.receiver.letters)
    kept = await service.engine.podman(
        *("run", "--rm", *HARDENED, f"--volume={service.name}:/data:ro", "--entrypoint", "ls"),
        *(service.image, "/data/snapshots"),
    )
    assert len(kept.out.split()) == 1


async def test_container__without_configuration__ends_with_78_and_says_what_is_missing(
    engine: Containers, image: str
) -> None:
    finished = await engine.podman("run", "--rm", *HARDENED, image, check=False)
    assert finished.code == 78
    assert "/etc/cascade-monitor/monitor.toml: No such file" in finished.err
    assert "Expected a configuration file" in finished.err


async def test_container__secret_of_another_user__ends_with_78_and_names_the_file(
    service: Service,
) -> None:
    (service.folder / "credentials" / "token").chmod(0o000)
    finished = await _ended(service)
    assert finished.code == 78
    assert "credentials/token': Permission denied: expected a readable file" in finished.err


async def test_container__state_of_another_user__ends_with_78_and_names_the_folder(
    service: Service, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    finished = await _ended(service, f"--volume={state}:/data")
    assert finished.code == 78
    assert "/data" in finished.err
    assert "expected a folder that can be written" in finished.err


async def _ended(service: Service, *more: str) -> Finished:
    given = [*options(service.folder, service.environ), *more]
    return await service.engine.podman("run", "--rm", *given, service.image, check=False)
