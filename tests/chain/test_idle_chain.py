"""Ready means that the newest block is applied and judged, though the chain mines nothing more."""

from daemon_process import daemon_process
from stage import Stage


async def test_daemon__on_a_chain_that_mines_nothing__is_ready_at_its_head(stage: Stage) -> None:
    config, port = stage.config()
    head = await stage.head()
    async with daemon_process(config, port) as daemon:
        status = await daemon.reached(head)
        await daemon.says("/readyz", '"ok": true')
        assert await daemon.stop() == 0
        assert status["block"]["hash"] == head
        # It missed blocks, and none comes to tell of them.
        block = await stage.world.mine(3)
        await daemon.start()
        status = await daemon.reached(block.hash)
        code, _ = await daemon.says("/readyz", '"ok": true')
    assert code == 200
    assert status["block"]["hash"] == await stage.head() == block.hash


async def test_daemon__a_rollback_that_nobody_announces__is_reverted_without_a_new_block(
    stage: Stage,
) -> None:
    config, port = stage.config(endpoints=(stage.world.anvil.ws_url,))
    async with daemon_process(config, port) as daemon:
        old = await stage.world.mine(3)
        await daemon.reached(old.hash)
        base = await stage.world.rollback(2)
        status = await daemon.reached(base.hash)
        code, _ = await daemon.says("/readyz", '"ok": true')
        _, metrics = await daemon.get("/metrics")
        head = await stage.head()
    assert code == 200
    assert status["block"]["hash"] == base.hash == head
    assert "cascade_monitor_reorgs_total 1.0" in metrics
    assert "cascade_monitor_reorg_depth 2.0" in metrics


async def test_daemon__a_reorganisation_of_the_same_height__goes_on_from_the_new_block(
    stage: Stage,
) -> None:
    config, port = stage.config(endpoints=(stage.world.anvil.ws_url,))
    async with daemon_process(config, port) as daemon:
        old = await stage.world.mine(2)
        await daemon.reached(old.hash)
        new = await stage.world.reorg(1)
        assert (new.number, new.hash != old.hash) == (old.number, True)
        await daemon.reached(new.hash)
        newest = await stage.world.mine(1)
        await daemon.reached(newest.hash)
        code, _ = await daemon.says("/readyz", '"ok": true')
    assert newest.parent_hash == new.hash
    assert code == 200
