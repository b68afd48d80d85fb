"""Trouble that travels by claims, projected by the running command and executed on the contracts.

All blocks of an execution have the timestamp of the block that was projected: there is no interest
between them, and what differs is no drift.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from daemon_process import daemon_process
from devnet import Executed, WideWorld, account, crash, open_wide_world
from devnet.configuration import Wiring, configuration
from devnet.contagion import DEEP, Contagion, build_contagion
from devnet.executed import Liquidation
from devnet.morpho_visits import label_of
from stage import free_port

FALL, RISE, DIP = {"WETH": -0.40}, {"WETH": 0.25}, {"WETH": -0.25}
THIN = {"WETH": -0.25, "liquidity:WETH": 0.5}
ASKED: Mapping[str, Mapping[str, float]] = {"fall": FALL, "rise": RISE, "dip": DIP, "thin": THIN}
FIGURES = ("liquidated_usd", "seized_usd", "bad_debt_usd", "unliquidated_usd")
ERROR, CENTS = 1e-5, 0.03
RATE_ERROR = 1e-6


@dataclass(frozen=True, slots=True)
class Played:
    """What was projected and what came of it, with the markets' labels."""

    projected: Mapping[str, dict[str, Any]]
    executed: Mapping[str, Executed]
    vault_market: str
    shares: str
    exchanged: str
    ether: str
    scarce: str
    dry: str


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return asyncio.run(_played(tmp_path_factory.mktemp("contagion")))


async def _played(folder: Path) -> Played:
    async with open_wide_world(epoch_slots=1) as wide:
        markets = await build_contagion(wide)
        # Interest that most markets have not booked yet. The vault has taken its fee: of what it
        # has not, a loss spares its savers some, which no projection knows.
        await wide.jump(6 * 3_600)
        await wide.vault.withdraw(account("vault depositor 1"), 1)
        await wide.mine(4)
        projected = await _projected(wide, folder)
        executed = {name: await _executed(wide, shocks) for name, shocks in ASKED.items()}
        return Played(projected, executed, *_labels(wide, markets))


def _labels(wide: WideWorld, markets: Contagion) -> list[str]:
    names = ("WETH/USDC", *(getattr(markets, each.name) for each in fields(markets)))
    return [label_of("morpho", wide, name) for name in names]


async def _projected(wide: WideWorld, folder: Path) -> dict[str, dict[str, Any]]:
    config, port = folder / "monitor.toml", free_port()
    config.write_text(configuration(wide, Wiring(folder / "state", port)))
    url = f"http://127.0.0.1:{port}/api/v1/project"
    found = {}
    async with daemon_process(config, port) as daemon, aiohttp.ClientSession() as session:
        await daemon.reached((await wide.head()).hash, 60)
        for name, shocks in ASKED.items():
            async with session.post(url, json={"shocks": dict(shocks)}) as answer:
                document = await answer.json()
            assert answer.status == 200, document
            assert document["result"]["unknown"] == []
            found[name] = document["result"]
    return found


async def _executed(wide: WideWorld, shocks: Mapping[str, float]) -> Executed:
    exact = {key: Fraction(str(by)) for key, by in shocks.items()}
    prices = {key: by for key, by in exact.items() if ":" not in key}
    leaving = {key.partition(":")[2]: by for key, by in exact.items() if ":" in key}
    snapshot = await wide.snapshot()
    executed = await crash(wide, prices, seconds=0, liquidity=leaving)
    await wide.revert(snapshot)
    return executed


def near(value: object, error: float = ERROR) -> Any:
    return pytest.approx(float(str(value)), rel=error, abs=CENTS)


@pytest.mark.parametrize("name", ASKED)
def test_projection__of_claims_that_are_seized__is_what_the_contracts_do(
    played: Played, name: str
) -> None:
    projected, executed = played.projected[name], played.executed[name].as_dict()
    for figure in (*FIGURES, "first_round_usd", "bad_debt_realised_usd"):
        assert float(projected[figure]) == near(executed[figure]), figure
    assert (projected["rounds"], projected["converged"]) == (executed["rounds"], True)
    assert projected["amplification"] == near(executed["amplification"])
    assert projected["by_market"].keys() <= executed["by_market"].keys()
    for market, figures in executed["by_market"].items():
        there = projected["by_market"].get(market, dict.fromkeys(FIGURES, "0.00"))
        told = {figure: float(there[figure]) for figure in FIGURES}
        assert told == {figure: near(figures[figure]) for figure in FIGURES}, market


@pytest.mark.parametrize("name", ASKED)
def test_projection__of_claims_that_are_seized__goes_round_by_round_as_executed(
    played: Played, name: str
) -> None:
    projected, executed = played.projected[name], played.executed[name]
    told = [
        (entry["round"], entry["liquidations"], float(entry["liquidated_usd"]))
        for entry in projected["round_log"]
    ]
    assert told == [
        (each.number, len(each.liquidations), near(float(each.figures.liquidated_usd)))
        for each in executed.played
        if each.goes_on
    ]
    told_prices = {
        symbol: float(path["after"])
        for symbol, path in projected["prices"].items()
        # Claims have no pools: theirs are what an oracle says.
        if symbol in executed.prices
    }
    assert told_prices.keys() >= {"WETH", "wstETH", "WBTC"}
    assert told_prices == {
        symbol: near(float(executed.prices[symbol].after)) for symbol in told_prices
    }


@pytest.mark.parametrize("name", ASKED)
def test_projection__after_each_round__tells_use_and_rates_as_the_contracts_do(
    played: Played, name: str
) -> None:
    compared = 0
    rounds = zip(played.projected[name]["round_log"], played.executed[name].played, strict=False)
    for entry, done in rounds:
        known = {(use.market, use.asset): use for use in done.uses}
        for use in entry["lending"]:
            expected = known[use["market"], use["asset"]]
            place = (entry["round"], use["market"], use["asset"])
            assert use["utilisation"] == close(expected.utilisation), place
            assert use["borrow_rate"] == close(expected.borrow_rate), place
            compared += 1
    assert compared >= len(played.projected[name]["round_log"]) > 0


def close(ratio: Fraction) -> Any:
    return pytest.approx(float(ratio), rel=RATE_ERROR, abs=RATE_ERROR)


def rounds_of(executed: Executed, market: str) -> list[int]:
    """Those in which anybody was liquidated there."""
    return [
        each.number
        for each in executed.played
        if any(liquidation.market == market for liquidation in each.liquidations)
    ]


def done_in(executed: Executed, market: str) -> list[Liquidation]:
    return [each for each in executed.done if each.market == market]


def test_fall__a_vault_writes_off__share_pledgers_follow_in_a_later_round(played: Played) -> None:
    executed = played.executed["fall"]
    losses = [each.number for each in executed.played if each.figures.bad_debt_realised_usd]
    assert losses[0] < min(rounds_of(executed, played.shares))
    assert {each.account for each in done_in(executed, played.vault_market)} == {
        account(f"contagion borrower {number}") for number in range(len(DEEP))
    }
    done = done_in(executed, played.shares)
    assert sum(each.repaid_usd for each in done) > 400_000
    # The vault lends on its own shares: what this market writes off is its loss again.
    assert done[0].deficit_raw


def test_dip__a_loss_earlier_in_the_round__is_in_the_price_of_the_shares(played: Played) -> None:
    """The account was chosen at the round's price; what is seized goes by the price of the day."""
    second = played.executed["dip"].played[1].liquidations
    assert next(each.market for each in second if each.deficit_raw) == played.vault_market
    (shares,) = [each for each in second if each.market == played.shares]
    # The bonus alone is 1.1 %.
    assert shares.received_usd / shares.repaid_usd > 1.02
    assert len(done_in(played.executed["dip"], played.ether)) == 2


def test_fall__little_cash_behind_the_shares__a_smaller_part_is_seized(played: Played) -> None:
    executed = played.executed["fall"]
    left = {each.account: each for each in executed.left if each.market == played.shares}
    repaid = [each for each in done_in(executed, played.shares) if each.account in left]
    assert repaid
    because = played.projected["fall"]["unliquidated_because"]
    assert float(because["no_cash"]) == near(float(executed.unliquidated_usd))
    assert sum(each.debt_usd for each in left.values()) == executed.unliquidated_usd


def test_rise__atokens_are_redeemed__what_is_left_of_their_market_is_used_more(
    played: Played,
) -> None:
    executed = played.executed["rise"]
    assert [each.repaid_usd > 0 for each in done_in(executed, played.scarce)] == [True, True]
    paid_usd = sum(each.received_usd for each in done_in(executed, played.scarce))
    assert paid_usd == pytest.approx(80_000, rel=1e-6)
    (use,) = [
        use
        for use in played.projected["rise"]["round_log"][0]["lending"]
        if (use["market"], use["asset"]) == ("aave-3-0-2", "USDC")
    ]
    assert use["utilisation"] > 0.99


def test_rise__shares_are_pledged_for_ether__they_are_redeemed_and_sold(played: Played) -> None:
    done = done_in(played.executed["rise"], played.exchanged)
    assert done
    for each in done:
        assert each.debt == "WETH"
        assert float(each.received_usd / each.repaid_usd) == pytest.approx(1.04384, rel=1e-4)


def test_rise__a_market_is_fully_used__nobody_gets_cash_there(played: Played) -> None:
    projected, executed = played.projected["rise"], played.executed["rise"]
    dry = projected["by_market"][played.dry]
    assert executed.figures_in(played.dry).liquidated_usd == 0
    assert (dry["liquidated_usd"], dry["bad_debt_usd"] != "0.00") == ("0.00", True)
    assert float(dry["unliquidated_usd"]) > 300_000
    assert executed.figures_in(played.scarce).liquidated_usd > 0
    because = projected["unliquidated_because"]
    assert float(because["no_cash"]) == near(float(executed.unliquidated_usd))


@pytest.mark.parametrize("name", ["fall", "dip", "thin"])
def test_contagion__of_shares_that_lost__leads_from_the_market_of_the_loss(
    played: Played, name: str
) -> None:
    """No pool trades shares: what liquidates their pledgers is what was written off where the vault
    has lent, on ether first, then on its own shares. Ether markets push one another by the pool
    they sell into.
    """
    result = played.projected[name]
    liquidated = result["by_market"][played.shares]["liquidated_usd"]
    into = [row for row in result["contagion"] if row["to"] == played.shares]
    first, *others = [row["from"] for row in into]
    assert first == played.vault_market
    assert set(others) <= {played.shares}
    assert sum(float(row["liquidated_usd"]) for row in into) == near(liquidated)
    assert sum(row["share"] for row in into) == near(1)
    beside = {(row["from"], row["to"]) for row in result["contagion"] if row not in into}
    sellers = {played.vault_market, played.ether}
    assert all({source, target} <= sellers for source, target in beside)


def test_contagion__of_debt_grown_dear__sells_no_shares_and_pushes_nobody(played: Played) -> None:
    assert played.projected["rise"]["contagion"] == []
