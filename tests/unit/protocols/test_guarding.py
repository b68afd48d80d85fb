"""Which calls an order comes to, by what the ledger and the contracts say."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from builders import USDC, WETH, a_block, a_market, a_reserve, an_address

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.guarding import Order, Proposals
from monitor.core.keys import category_key, market_key, reserve_key
from monitor.core.ledger import Ledger
from monitor.core.ports import NO_CODE, ViewCall, ViewFailed, ViewResult
from monitor.core.reserves import Category, Reserve
from monitor.core.units import ZERO_ADDRESS, Address, AssetId, Bps, MarketId
from monitor.errors import DataError, QuestionError
from monitor.library import abi_library
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.guarding import AaveGuarding
from monitor.protocols.morpho_blue.contracts import MorphoAbi, Scope
from monitor.protocols.morpho_blue.guarding import MorphoGuarding

CORE, MORPHO = MarketId("core"), MarketId("morpho")
BLOCK = a_block()
DAI, PENDLE = AssetId(an_address("DAI")), AssetId(an_address("PT"))
CONFIGURATOR = a_market().configurator
SINGLETON, VAULT = an_address("morpho"), an_address("vault")
IDS = tuple(f"0x{n:064x}" for n in (7, 5, 6))


class Script:
    """A ContractReader of scripted answers; what is not scripted has no code."""

    def __init__(self, answers: dict[tuple[Address, str, tuple[Any, ...]], ViewResult]) -> None:
        self.answers = answers

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        keys = ((call.to, call.function.name, call.args) for call in calls)
        return [self.answers.get(key, ViewFailed(NO_CODE)) for key in keys]

    async def has_code(self, at: BlockRef, contract: Address) -> bool:
        raise AssertionError("nobody asks")

    async def past_logs(
        self, addresses: Sequence[Address], topics: Sequence[str], from_block: int, to_block: int
    ) -> list[RawLog]:
        raise AssertionError("nobody asks")


def reserve(asset: AssetId, symbol: str, ordinal: int, **terms: Any) -> Reserve:
    made = a_reserve(asset, symbol=symbol)
    return replace(made, ordinal=ordinal, terms=replace(made.terms, **terms))


def ledger(*reserves: Reserve) -> Ledger:
    made = Ledger({market_key(CORE): a_market()})
    for each in reserves:
        made.put(reserve_key(CORE, each.asset), each)
    return made


async def aave(view: Ledger, action: str, *targets: str) -> Proposals:
    guarding = AaveGuarding(CORE, AaveAbi.of(abi_library))
    return await guarding.proposals(Order(action, targets), view, Script({}), BLOCK)


async def test_freeze__of_all_collateral__is_as_listed_without_what_secures_nothing() -> None:
    view = ledger(
        reserve(DAI, "DAI", 2),
        reserve(WETH, "WETH", 0),
        reserve(USDC, "USDC", 1, liquidation_threshold_bps=Bps(0)),
        reserve(PENDLE, "PT", 4, liquidation_threshold_bps=Bps(0)),
        reserve(AssetId(an_address("gone")), "GONE", 3, is_active=False),
    )
    e_mode = Category(1, "PT", Bps(9000), Bps(9100), Bps(10200), collateral=(PENDLE,))
    view.put(category_key(CORE, 1), e_mode)
    found = await aave(view, "freeze")
    assert [call.target for call in found.calls] == ["WETH", "DAI", "PT"]
    assert [call.call.args for call in found.calls] == [(WETH, True), (DAI, True), (PENDLE, True)]
    assert {call.call.to for call in found.calls} == {CONFIGURATOR}
    assert {call.call.function.signature for call in found.calls} == {
        "setReserveFreeze(address,bool)"
    }
    assert found.done == ()


async def test_pause__names_in_any_form__are_in_the_order_asked_each_once() -> None:
    view = ledger(reserve(WETH, "WETH", 0), reserve(USDC, "USDC", 1), reserve(DAI, "DAI", 2))
    found = await aave(view, "pause", "USDC", WETH, USDC)
    assert [call.call.args[0] for call in found.calls] == [USDC, WETH]
    assert found.calls[0].call.function.signature == "setReservePause(address,bool)"
    assert "pause USDC on core" in found.calls[0].description


@pytest.mark.parametrize(
    ("action", "done"), [("freeze", ("WETH", "DAI")), ("pause", ("USDC", "DAI"))]
)
async def test_an_action__already_in_force__is_told_and_not_proposed(
    action: str, done: tuple[str, ...]
) -> None:
    view = ledger(
        reserve(WETH, "WETH", 0, is_frozen=True),
        reserve(USDC, "USDC", 1, is_paused=True),
        reserve(DAI, "DAI", 2, is_frozen=True, is_paused=True),
    )
    found = await aave(view, action)
    assert found.done == done
    assert len(found.calls) == 1


async def test_a_symbol_of_two_reserves__is_refused_and_an_address_is_not() -> None:
    view = ledger(reserve(USDC, "USDC", 0), reserve(DAI, "USDC", 1))
    with pytest.raises(QuestionError, match=f"2 reserves .*{USDC}.*{DAI}"):
        await aave(view, "freeze", "USDC")
    found = await aave(view, "freeze", DAI)
    assert [call.call.args[0] for call in found.calls] == [DAI]


async def test_a_name__of_no_reserve__is_refused_with_those_there_are() -> None:
    view = ledger(reserve(WETH, "WETH", 0), reserve(USDC, "USDC", 1))
    with pytest.raises(QuestionError, match=r"no reserve 'WETHH': .* one of USDC, WETH"):
        await aave(view, "freeze", "WETHH")


async def test_a_market__not_there_yet_or_that_nobody_configures__has_no_calls() -> None:
    with pytest.raises(DataError, match="not on the chain yet"):
        await aave(Ledger(), "freeze")
    unruled = Ledger({market_key(CORE): replace(a_market(), configurator=ZERO_ADDRESS)})
    with pytest.raises(DataError, match="no configurator"):
        await aave(unruled, "freeze")


def a_vault(caps: Mapping[str, int], **other: ViewResult) -> Script:
    """It lends USDC; its withdraw queue is in the order of `caps`."""
    answers: dict[tuple[Address, str, tuple[Any, ...]], ViewResult] = {
        (VAULT, "MORPHO", ()): (SINGLETON,),
        (VAULT, "asset", ()): (USDC,),
        (VAULT, "withdrawQueueLength", ()): (len(caps),),
    }
    answers |= {(VAULT, name, ()): answer for name, answer in other.items()}
    for place, (market_id, cap) in enumerate(caps.items()):
        id_bytes = bytes.fromhex(market_id[2:])
        answers[VAULT, "withdrawQueue", (place,)] = (id_bytes,)
        answers[VAULT, "config", (id_bytes,)] = (cap, True, 0)
        answers[SINGLETON, "idToMarketParams", (id_bytes,)] = params(place)
    return Script(answers)


def params(place: int, loan: str = USDC) -> tuple[Any, ...]:
    return (loan, an_address(f"collateral {place}"), an_address("o"), an_address("i"), 86 * 10**16)


async def morpho(script: Script, *ids: str) -> Proposals:
    scope = Scope(MORPHO, SINGLETON, 0, None)
    guarding = MorphoGuarding(scope, MorphoAbi.of(abi_library))
    return await guarding.proposals(Order("cap_to_zero", ids, VAULT), Ledger(), script, BLOCK)


async def test_caps__of_a_whole_vault__go_to_zero_in_the_order_of_its_queue() -> None:
    found = await morpho(a_vault({IDS[0]: 5, IDS[1]: 0, IDS[2]: 9}))
    assert [call.call.args for call in found.calls] == [(params(0), 0), (params(2), 0)]
    assert {call.call.to for call in found.calls} == {VAULT}
    assert IDS[0] in found.calls[0].description
    assert len(found.done) == 1
    assert IDS[1] in found.done[0]


async def test_caps__of_chosen_markets__are_in_the_order_asked() -> None:
    found = await morpho(a_vault(dict.fromkeys(IDS, 5)), IDS[2], IDS[0], IDS[2])
    assert [call.call.args[0] for call in found.calls] == [params(2), params(0)]


async def test_caps__of_an_empty_vault__are_none() -> None:
    assert await morpho(a_vault({})) == Proposals((), ())


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (Script({}), "is no MetaMorpho vault"),
        (a_vault({}, withdrawQueueLength=(10**30,)), "is no MetaMorpho vault"),
        (a_vault({}, MORPHO=(an_address("other"),)), f"expected that of morpho, {SINGLETON}"),
    ],
)
async def test_a_vault__that_is_none_or_lends_elsewhere__is_refused(
    script: Script, words: str
) -> None:
    with pytest.raises(QuestionError, match=words):
        await morpho(script)


@pytest.mark.parametrize(
    ("told", "words"),
    [(params(0, ZERO_ADDRESS), "no market id"), (params(0, WETH), "but the vault holds")],
)
async def test_a_market_id__that_the_vault_cannot_have__is_refused(
    told: tuple[Any, ...], words: str
) -> None:
    script = a_vault({IDS[0]: 5})
    script.answers[SINGLETON, "idToMarketParams", (bytes.fromhex(IDS[0][2:]),)] = told
    with pytest.raises(QuestionError, match=words):
        await morpho(script, IDS[0])
