"""From [[guardians]] to orders, and what `check` says of them."""

from dataclasses import replace
from pathlib import Path

import pytest
from builders import a_block, a_market, a_reserve, an_address

from monitor.chain.node import Node
from monitor.core.blocks import BlockRef
from monitor.core.guarding import Order, Proposal
from monitor.core.keys import market_key, reserve_key
from monitor.core.ledger import Ledger
from monitor.core.ports import Simulated, ViewCall
from monitor.core.units import BlockHash, MarketId
from monitor.engine.guarding import MOST_CALLS, Guards, Outlook
from monitor.errors import BlockUnknown, ConfigError, MonitorError, RpcUnavailable
from monitor.guardians import guards_of, told_of, verify
from monitor.library import abi_library
from monitor.parts import parts_of
from monitor.rim import node_of
from monitor.settings import Settings, load

WETH = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
WHO, VAULT = an_address("guardian"), an_address("vault")
MARKET_ID = "0x" + "AB" * 32
CONFIG = f"""
[chain]
chain_id = 1
endpoints = ["http://localhost:8545"]
[[markets]]
name = "core"
protocol = "aave_v3"
address = "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"
[[markets]]
name = "morpho"
protocol = "morpho_blue"
address = "0xBBBBBbbBBb9cC5e90e3b3Af64bdAF62C37EEFFCb"
[assets.ether]
address = "{WETH}"
[scenarios.crash]
shocks = {{ ether = -0.3 }}
[[breakers]]
name = "b"
scenario = "crash"
measure = "liquidated_usd"
warn = 2
trip = 3
clear = 1
[[watch]]
name = "mine"
accounts = ["{WHO}"]
health_below = 1.1
"""
HEAD = f"""
[[guardians]]
guardian = "{WHO}"
"""


def settings(tmp_path: Path, *tables: str) -> Settings:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG + "".join(HEAD + table for table in tables))
    return load(path, {})


def guards(tmp_path: Path, *tables: str) -> Guards | None:
    loaded = settings(tmp_path, *tables)
    return guards_of(loaded, parts_of(loaded), node_of(loaded))


def test_guards__where_nobody_is_named__are_none(tmp_path: Path) -> None:
    assert guards(tmp_path) is None


def test_orders__of_a_configuration__name_assets_by_address_and_ids_in_lower_case(
    tmp_path: Path,
) -> None:
    made = guards(
        tmp_path,
        f'market = "core"\naction = "freeze"\nassets = ["ether", "USDC", "{WETH}"]',
        'market = "core"\naction = "pause"',
        f'market = "morpho"\naction = "cap_to_zero"\nvault = "{VAULT}"',
        f'market = "morpho"\naction = "cap_to_zero"\nvault = "{VAULT}"\n'
        f'market_ids = ["{MARKET_ID}"]\nbreakers = ["b"]',
    )
    assert made is not None
    assert [each.order for each in made.guardians] == [
        Order("freeze", (WETH.lower(), "USDC", WETH.lower())),
        Order("pause"),
        Order("cap_to_zero", (), VAULT),
        Order("cap_to_zero", (MARKET_ID.lower(),), VAULT),
    ]
    assert [each.breakers for each in made.guardians] == [("*",)] * 3 + [("b",)]
    assert {each.account for each in made.guardians} == {WHO}


def test_guards__of_actions_a_protocol_has_not__are_refused_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        guards(
            tmp_path,
            f'market = "core"\naction = "cap_to_zero"\nvault = "{VAULT}"',
            'market = "morpho"\naction = "freeze"',
        )
    assert caught.value.faults == (
        "guardians[0].action = 'cap_to_zero': core is a market of aave_v3: expected freeze or "
        "pause",
        "guardians[1].action = 'freeze': morpho is a market of morpho_blue: expected cap_to_zero",
    )


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ('market = "cora"\naction = "freeze"', "guardians[0].market = 'cora'"),
        ('market = "core"\naction = "thaw"', "guardians[0].action = 'thaw'"),
        ('market = "morpho"\naction = "cap_to_zero"', "guardians[0].vault: missing"),
        (
            f'market = "core"\naction = "freeze"\nvault = "{VAULT}"',
            f"guardians[0].vault = '{VAULT}': not a key of action freeze",
        ),
        ('market = "core"\naction = "pause"\nbreakers = ["c"]', "guardians[0].breakers = 'c'"),
        # A watch is about its owner's accounts: no market is stopped for them.
        ('market = "core"\naction = "pause"\nbreakers = ["mine"]', "guardians[0].breakers"),
    ],
)
def test_settings__of_a_guardian_that_cannot_be__are_refused(
    tmp_path: Path, table: str, fault: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, table)
    assert [text for text in caught.value.faults if text.startswith(fault)]


class Foretold(Guards):
    """Guards whose outlook is given."""

    def __init__(self, outlook: Outlook) -> None:
        self.guardians = (outlook.guardian,)
        self._outlook = outlook

    async def outlooks(self, *_: object) -> list[Outlook]:
        return [self._outlook]


def an_outlook(tmp_path: Path) -> Outlook:
    made = guards(tmp_path, 'market = "core"\naction = "freeze"')
    assert made is not None
    return Outlook(made.guardians[0])


def a_proposal(target: str) -> Proposal:
    freeze = abi_library("aave_v3/PoolConfigurator").functions["setReserveFreeze"]
    return Proposal(target, f"freeze {target}", ViewCall(VAULT, freeze))


async def told(outlook: Outlook) -> tuple[str, str, str]:
    view = Ledger({market_key(MarketId("core")): a_market()})
    [(subject, *words)] = [each async for each in told_of(Foretold(outlook), view, a_block())]
    assert subject.lower() == f"guardian {WHO}, freeze on core"
    detail, fault, warning = words
    return detail, fault, warning


async def test_check__of_calls_that_go_through_or_not__says_which_and_why(tmp_path: Path) -> None:
    outlook = replace(
        an_outlook(tmp_path),
        calls=(a_proposal("WETH"), a_proposal("USDC")),
        tried=(Simulated("0x", "ok"), Simulated("0x", "reverted: 4")),
        done=("DAI",),
    )
    assert await told(outlook) == (
        "would go through for WETH; nothing is left to do for DAI",
        "",
        "USDC: reverted: 4",
    )


async def test_check__of_names_that_are_not_there__is_a_fault(tmp_path: Path) -> None:
    outlook = replace(an_outlook(tmp_path), fault="no reserve 'X'", is_misnamed=True)
    assert await told(outlook) == ("", "no reserve 'X'", "")


async def test_check__of_a_node_that_does_not_answer__is_a_warning(tmp_path: Path) -> None:
    detail, fault, warning = await told(replace(an_outlook(tmp_path), fault="no answer"))
    assert (fault, warning) == ("", "its calls are not known: no answer")
    assert detail == "no call would go through"


async def test_check__of_more_calls_than_an_alert_lists__warns(tmp_path: Path) -> None:
    calls = (a_proposal("WETH"),) * MOST_CALLS
    tried = (Simulated("0x", "ok"),) * MOST_CALLS
    outlook = replace(an_outlook(tmp_path), calls=calls, tried=tried, omitted=7)
    assert (await told(outlook))[2] == "7 more calls than an alert lists"


async def test_check__of_a_market_at_fault__does_not_look(tmp_path: Path) -> None:
    guards_told = Foretold(an_outlook(tmp_path))
    [(_, _, fault, _)] = [each async for each in told_of(guards_told, Ledger(), a_block())]
    assert fault == "not checked: its market above is at fault"


class Head(Node):
    """A node of which only the head is asked."""

    def __init__(self, head: BlockRef | MonitorError) -> None:
        self._head = head

    async def block_by(self, name: int | BlockHash | str) -> BlockRef:
        if isinstance(self._head, MonitorError):
            raise self._head
        return self._head


def wrong(tmp_path: Path) -> tuple[Guards | None, Ledger]:
    """A guardian of a reserve that the ledger does not list."""
    made = guards(tmp_path, 'market = "core"\naction = "freeze"\nassets = ["WETHH"]')
    core = MarketId("core")
    view = Ledger({market_key(core): a_market(), reserve_key(core, a_reserve().asset): a_reserve()})
    return made, view


async def test_verify__a_name_of_nothing_near_the_head__is_refused(tmp_path: Path) -> None:
    made, view = wrong(tmp_path)
    head = a_block(number=200)
    with pytest.raises(ConfigError, match="guardians: freeze on core: core has no reserve 'WETHH'"):
        await verify(made, Head(head), view, head, 10)


@pytest.mark.parametrize(
    "head", [a_block(number=211), RpcUnavailable("away"), BlockUnknown("none")]
)
async def test_verify__what_cannot_be_told_now__is_not_refused(
    tmp_path: Path, head: BlockRef | MonitorError
) -> None:
    made, view = wrong(tmp_path)
    await verify(made, Head(head), view, a_block(number=200), 10)
