"""`cascade-monitor store …` as an operator types it, around real daemons on a real chain."""

from pathlib import Path

from daemon_process import Finished, command, daemon_process
from devnet.receiver import Letter
from redis_server import RedisServer
from stage import Stage, slide
from stored import digest_of, fresh_digest

from monitor.store.damage import AOF


async def store(verb: str, config: Path, *arguments: str) -> Finished:
    return await command("store", verb, "--config", str(config), *arguments)


async def run_once(config: Path) -> Finished:
    finished = await command("run", "--config", str(config), "--once", "--json")
    assert finished.code == 0, finished.err
    return finished


async def tripped(stage: Stage, config: Path) -> str:
    """A daemon has seen a slide, told of it, and stopped; the last block."""
    await run_once(config)
    block = await slide(stage.world, 1700)
    await run_once(config)
    assert types_of(stage) == ["breaker.tripped"]
    return block


def types_of(stage: Stage) -> list[str]:
    return [letter.type for letter in stage.receiver.letters]


def with_server(config: Path, server: RedisServer) -> None:
    """Let a configuration use a Redis of the test's."""
    text = config.read_text().replace("[store]", f'[store]\nurl = "{server.url}"')
    config.write_text(text)


async def test_backup__of_a_running_daemon__restores_elsewhere(
    stage: Stage, tmp_path: Path
) -> None:
    config, port = stage.config()
    file = tmp_path / "state.backup"
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head())
        block = await slide(stage.world, 1700)
        await daemon.reached(block)
        await stage.receiver.wait_for("breaker.tripped")
        saved = await store("backup", config, "--output", str(file), "--json")
        _, status = await daemon.get("/api/v1/status")
    assert saved.code == 0, saved.err
    assert saved.document["block"]["hash"] == block
    assert saved.document["positions"] >= status["markets"][0]["positions"] > 0
    assert saved.document["alerts"] == 1
    other, _ = stage.config("other")
    restored = await store("restore", other, str(file), "--json")
    assert restored.code == 0, restored.err
    assert restored.document["block"] == saved.document["block"]
    assert await digest_of(other) == await digest_of(config)
    block = await slide(stage.world, 1690)
    assert (await run_once(other)).document["evaluated"]["hash"] == block
    assert types_of(stage) == ["breaker.tripped"]
    assert await digest_of(other) == await fresh_digest(stage, "fresh", "snapshot")


async def test_backup__from_the_embedded_server__restores_into_another_redis(
    stage: Stage, tmp_path: Path
) -> None:
    """No form of the server's own is in the file."""
    config, _ = stage.config()
    await tripped(stage, config)
    file = tmp_path / "state.backup"
    assert (await store("backup", config, "-o", str(file))).code == 0
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    server.start()
    try:
        other, _ = stage.config("other")
        with_server(other, server)
        restored = await store("restore", other, str(file))
        assert restored.code == 0, restored.err
        assert await digest_of(other) == await digest_of(config)
        await run_once(other)
        again = await store("restore", other, str(file))
        assert again.code == 64
        assert "expected an empty store. Say --force" in again.err
        assert (await store("restore", other, str(file), "--force")).code == 0
    finally:
        server.stop()
    assert types_of(stage) == ["breaker.tripped"]


async def test_backup__refusals__say_why(stage: Stage, tmp_path: Path) -> None:
    config, _ = stage.config()
    file = tmp_path / "state.backup"
    nothing = await store("backup", config, "-o", str(file))
    assert nothing.code == 78
    assert "there is no state under" in nothing.err
    await run_once(config)
    before = await digest_of(config)
    assert (await store("backup", config, "-o", str(file))).code == 0
    there = await store("backup", config, "-o", str(file))
    assert there.code == 64
    assert "is there already" in there.err
    assert (await store("backup", config, "-o", str(file), "--force")).code == 0
    other, _ = stage.config("other", shocks={"WETH": -0.10})
    other.write_text(other.read_text().replace("[store]", '[store]\nnamespace = "theirs"'))
    foreign = await store("restore", other, str(file))
    assert foreign.code == 78
    assert "store.namespace: expected theirs, found default" in foreign.err
    file.write_bytes(file.read_bytes()[:-100])
    torn = await store("restore", config, str(file), "--force")
    assert torn.code == 1
    assert "take another copy. Nothing was changed" in torn.err
    assert await digest_of(config) == before


async def test_rebuild__while_an_episode_stands__says_nothing_twice(stage: Stage) -> None:
    config, _ = stage.config()
    block = await tripped(stage, config)
    before = await digest_of(config)
    rebuilt = await store("rebuild", config, "--yes", "--json")
    assert rebuilt.code == 0, rebuilt.err
    assert rebuilt.document["block"]["hash"] == block
    assert rebuilt.document["alerts"] == 1
    assert rebuilt.document["set_aside"] == []
    once = await run_once(config)
    assert once.document["evaluated"]["hash"] == block
    assert once.document["breakers"][0]["phase"] == "tripped"
    assert await digest_of(config) == before
    await slide(stage.world, 2000)
    await run_once(config)
    await slide(stage.world, 1700)
    await run_once(config)
    assert types_of(stage) == ["breaker.tripped", "breaker.cleared", "breaker.tripped"]
    episodes = [letter.body["data"]["alert"]["episode"] for letter in stage.receiver.letters]
    assert episodes[0] == episodes[1] != episodes[2]
    listed = await command("alerts", "--config", str(config), "--json")
    assert len(listed.document["alerts"]) == 3


async def test_rebuild__forget_alerts__leaves_nothing(stage: Stage) -> None:
    config, _ = stage.config()
    await tripped(stage, config)
    assert (await store("rebuild", config, "--yes", "--forget-alerts")).code == 0
    await run_once(config)
    listed = await command("alerts", "--config", str(config), "--json")
    assert len(listed.document["alerts"]) == 1  # the newest block is judged, as in a fresh store
    assert len(stage.receiver.letters) == 2


async def test_rebuild__deliveries_not_yet_made__are_made_by_the_next_run(stage: Stage) -> None:
    config, port = stage.config()
    await run_once(config)
    refused: list[Letter] = []

    def refuse(letter: Letter) -> int:
        refused.append(letter)
        return 503

    stage.receiver.answer = refuse
    await slide(stage.world, 1700)
    await run_once(config)
    rebuilt = await store("rebuild", config, "--yes", "--json")
    assert rebuilt.document["pending"] == 1
    stage.receiver.answer = lambda letter: 204
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head())
        letter = await stage.receiver.wait_for("breaker.tripped")
    assert {(found.id, found.raw) for found in refused} == {(letter.id, letter.raw)}
    assert types_of(stage) == ["breaker.tripped"]


async def test_rebuild__nobody_to_ask__is_refused(stage: Stage) -> None:
    config, _ = stage.config()
    await run_once(config)
    before = await digest_of(config)
    refused = await store("rebuild", config)
    assert refused.code == 64
    assert "expected a terminal, or --yes" in refused.err
    assert await digest_of(config) == before


async def test_store__daemon_runs__is_refused(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    server.start()
    try:
        for name, code in (("embedded", 78), ("external", 69)):
            config, port = stage.config(name, webhook_url="")
            if name == "external":
                with_server(config, server)
            async with daemon_process(config, port) as daemon:
                block = await stage.head()
                await daemon.reached(block)
                refused = await store("rebuild", config, "--yes")
                assert refused.code == code, refused.err
                assert "other daemon" in refused.err or "another daemon" in refused.err
                await stage.world.mine(1)
                await daemon.reached(await stage.head())
    finally:
        server.stop()


async def test_damaged_value__run_names_rebuild__which_mends_it(stage: Stage) -> None:
    config, _ = stage.config()
    await run_once(config)
    file = stage.folder / "monitor" / AOF
    data = file.read_bytes()
    place = data.rindex(b'"writes"')  # of the newest block's journal
    file.write_bytes(data[:place] + b"GARBAGE!" + data[place + 8 :])
    broken = await command("run", "--config", str(config), "--once")
    assert broken.code == 1
    assert "what a block wrote in the store does not decode" in broken.err
    assert "cascade-monitor store rebuild" in broken.err
    assert "Traceback" not in broken.err
    rebuilt = await store("rebuild", config, "--yes", "--json")
    assert rebuilt.code == 0, rebuilt.err
    await run_once(config)
    assert await digest_of(config) == await fresh_digest(stage, "fresh", "snapshot")


async def test_damaged_file__run_names_rebuild__which_puts_it_aside(stage: Stage) -> None:
    config, _ = stage.config()
    await run_once(config)
    file = stage.folder / "monitor" / AOF
    data = file.read_bytes()
    # Between two commands: within a value, the server would not notice.
    place = data.index(b"\r\n*", len(data) // 2)
    file.write_bytes(data[:place] + b"garbage" * 20 + data[place + 140 :])
    broken = await command("run", "--config", str(config), "--once")
    assert broken.code == 78
    assert f"--fix {file}" in broken.err
    assert "cascade-monitor store rebuild" in broken.err
    assert "Traceback" not in broken.err
    rebuilt = await store("rebuild", config, "--yes", "--json")
    assert rebuilt.code == 0, rebuilt.err
    [aside] = rebuilt.document["set_aside"]
    assert aside.startswith(f"{file}.damaged-")
    await run_once(config)
    assert await digest_of(config) == await fresh_digest(stage, "fresh", "snapshot")
