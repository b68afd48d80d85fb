"""`init` where there is no node to ask: what it writes, and what it leaves alone."""

import stat
from pathlib import Path

import pytest
from daemon_process import command

from monitor.errors import ConfigError
from monitor.init_command import FOR_ITS_OWNER, _write
from monitor.settings import load


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


async def test_init__without_a_node__writes_the_example_and_says_what_to_do(tmp_path: Path) -> None:
    config = tmp_path / "etc" / "monitor.toml"
    finished = await command("init", "-o", str(config), "--chain", "ethereum")
    assert finished.code == 0, finished.err
    assert "chain 1, after ethereum.toml\nto do: nothing was looked at" in finished.out
    assert f"put your nodes' URLs into {config.parent}/credentials/endpoints" in finished.out
    assert f"cascade-monitor check --config {config}" in finished.out
    (config.parent / "credentials").mkdir()
    (config.parent / "credentials" / "endpoints").write_text("https://node.example")
    assert len(load(config, {}).markets) == 4
    # A service's user reads it, and writes nothing there.
    assert stat.S_IMODE(config.stat().st_mode) == 0o644
    assert stat.S_IMODE(config.parent.stat().st_mode) == 0o755


async def test_init__for_a_chain_without_example__writes_one_to_fill_in(tmp_path: Path) -> None:
    config = tmp_path / "monitor.toml"
    finished = await command("init", "-o", str(config), "--chain", "137")
    assert finished.code == 0
    assert "to do: put in what is to be watched" in finished.out
    with pytest.raises(ConfigError) as refused:
        load(config, {})
    assert "markets: missing: expected what is followed" in str(refused.value)
    assert "credentials/endpoints': No such file" in str(refused.value)


async def test_init__over_a_file_that_is_there__leaves_it_unless_told(tmp_path: Path) -> None:
    config = tmp_path / "monitor.toml"
    config.write_text("mine")
    refused = await command("init", "-o", str(config))
    assert refused.code == 64
    assert "exists: name another with --output, or say --force" in refused.err
    assert config.read_text() == "mine"
    forced = await command("init", "-o", str(config), "--force")
    assert forced.code == 0
    assert "[chain]" in config.read_text()


def test_write__by_force__makes_a_new_file_for_its_owner_alone(tmp_path: Path) -> None:
    elsewhere, secrets = tmp_path / "elsewhere", tmp_path / "endpoints"
    elsewhere.write_text("old")
    elsewhere.chmod(0o644)
    for make in (secrets.hardlink_to, secrets.symlink_to):
        make(elsewhere)
        with elsewhere.open() as reader:  # of somebody who waits
            _write(secrets, "key", FOR_ITS_OWNER, force=True)
            assert reader.read() == "old"
        assert elsewhere.read_text() == "old"
        assert secrets.read_text() == "key"
        assert (secrets.stat().st_mode & 0o777, secrets.is_symlink()) == (0o600, False)
        secrets.unlink()
    secrets.symlink_to(tmp_path / "not-there")
    with pytest.raises(ConfigError):
        _write(secrets, "key", FOR_ITS_OWNER, force=False)
    assert not (tmp_path / "not-there").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--endpoint", "ftp://key@host"), 64, "endpoint 0: expected a URL with http://"),
        (("--endpoint", "http://127.0.0.1:9"), 69, "endpoint 0 refuses connections"),
    ],
)
async def test_init__with_what_cannot_be__says_so_and_writes_nothing(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    finished = await command("init", "-o", str(tmp_path / "monitor.toml"), *arguments)
    assert finished.code == code
    assert words in finished.err
    assert "key" not in finished.err
    assert "Traceback" not in finished.err
    assert is_empty(tmp_path)


async def test_init__where_nothing_can_be_written__says_so(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    finished = await command("init", "-o", str(blocked / "monitor.toml"))
    assert finished.code == 78
    assert "expected a folder that can be written" in finished.err
    assert "Traceback" not in finished.err
