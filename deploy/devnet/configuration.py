"""A monitor's configuration for a local world: what the demo and the tests run the daemon with."""

from dataclasses import dataclass, field
from pathlib import Path

from devnet.wide_world import WideWorld
from devnet.world import World

AAVE_CORE, AAVE_3_0, MORPHO = "aave-core", "aave-3-0-2", "morpho"
"""What its markets are called, in this order."""


CALM = {"hold_seconds": 1_000_000}
"""A local chain mines when it is told to, and its clock is its own: nothing of that is an alert."""
OWN_TIME = {"head_age_seconds": 10**9, "clock_skew_seconds": 10**9}
"""All but the chain's clock as it is by default."""


@dataclass(frozen=True)
class Wiring:
    """Where the daemon keeps its state, listens and reports. `port` 0 is any free one."""

    state_dir: Path
    port: int = 0
    webhook_url: str = ""
    secret_file: Path | None = None
    start_block: str | int = "snapshot"
    shocks: dict[str, float] = field(default_factory=lambda: {"WETH": -0.20})
    warn_usd: int = 1_000_000
    trip_usd: int = 5_000_000
    clear_usd: int = 500_000
    hold_blocks: int = 1
    endpoints: tuple[str, ...] = ()
    blindness: dict[str, float] = field(default_factory=lambda: dict(CALM))
    """The keys of `[blindness]`."""
    more: str = ""
    """Further tables, as TOML."""


def configuration(world: World, wiring: Wiring) -> str:
    """The TOML text."""
    known = world.addresses
    endpoints = wiring.endpoints or (world.anvil.http_url, world.anvil.ws_url)
    start = f'"{wiring.start_block}"' if wiring.start_block == "snapshot" else wiring.start_block
    pools = "\n".join(
        f'[[liquidity]]  # {name}\nkind = "uniswap_v3"\npool = "{pool}"\n'
        for name, pool in known.pools.items()
    )
    assets = "\n".join(
        f'[assets.{symbol}]\naddress = "{token}"\n'
        + ('correlated_with = ["wstETH"]\n' if symbol == "WETH" else "")
        for symbol, token in known.tokens.items()
    )
    blindness = "\n".join(f"{key} = {value}" for key, value in wiring.blindness.items())
    shocks = ", ".join(f"{name} = {ratio}" for name, ratio in wiring.shocks.items())
    return f"""[chain]
chain_id = {world.anvil.chain_id}
endpoints = [{", ".join(f'"{url}"' for url in endpoints)}]
poll_seconds = 0.2
start_block = {start}

[store]
state_dir = "{wiring.state_dir}"

{_markets(world)}
{_receipts(world)}
{pools}
{assets}
[scenarios.eth-crash]
shocks = {{ {shocks} }}

[[breakers]]
name = "eth-cascade"
scenario = "eth-crash"
measure = "liquidated_usd"
warn = {wiring.warn_usd}
trip = {wiring.trip_usd}
clear = {wiring.clear_usd}
hold_blocks = {wiring.hold_blocks}
{_webhook(wiring)}
[blindness]
{blindness}

{wiring.more}
[http]
listen = "127.0.0.1:{wiring.port}"
"""


def _markets(world: World) -> str:
    contracts = [(AAVE_CORE, "aave_v3", world.addresses.addresses_provider)]
    if isinstance(world, WideWorld):
        wide = world.addresses
        contracts.append((AAVE_3_0, "aave_v3", wide.aave_3_0.addresses_provider))
        contracts.append((MORPHO, "morpho_blue", wide.morpho.morpho))
    return "\n".join(
        f'[[markets]]\nname = "{name}"\nprotocol = "{protocol}"\naddress = "{address}"\n'
        for name, protocol, address in contracts
    )


def _receipts(world: World) -> str:
    if not isinstance(world, WideWorld):
        return ""
    vaults = "\n".join(
        f'[[receipts]]  # {name}\ntoken = "{vault}"\nkind = "erc4626"\n'
        for name, vault in world.addresses.morpho.vaults.items()
    )
    return f"""{vaults}
[[receipts]]  # wstETH
token = "{world.token("wstETH")}"
kind = "rate_provider"
underlying = "{world.token("WETH")}"
rate_method = "stEthPerToken"
"""


def _webhook(wiring: Wiring) -> str:
    if not wiring.webhook_url:
        return ""
    return f"""
[[webhooks]]
name = "on-call"
url = "{wiring.webhook_url}"
secret_file = "{wiring.secret_file}"
allow_private = true
"""
