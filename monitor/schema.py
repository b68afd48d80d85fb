"""The tables of the configuration (contract section 2): keys, types, defaults, one line on each."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from monitor.grammar import (
    CodeHash,
    Count,
    EndpointUrl,
    HexAddress,
    MarketIds,
    Move,
    Name,
    Names,
    OneOrMore,
    Positive,
    Real,
    Shock,
    StartBlock,
    StoreUrl,
    ViewName,
    is_loopback,
)
from monitor.protocols.registry import PROTOCOLS

SECRETS = frozenset(
    {
        ("chain", "endpoints"),
        ("store", "url"),
        ("webhooks", "url"),
        ("webhooks", "secret"),
        ("webhooks", "routing_key"),
        ("webhooks", "bearer"),
        ("deadman", "url"),
        ("http", "token"),
    }
)
"""(section, key) whose values are never shown, and may stand in a file named by `<key>_file`."""
EMBEDDED = SecretStr("embedded")
"""The store's URL that is none: a server of our own."""
Fault = tuple[str, str]
"""(key within the table, what is wrong: expected what)."""


class Table(BaseModel):
    """A table of the configuration. `faults` are those that one key alone does not show."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def faults(self) -> Iterator[Fault]:
        return iter(())


class Chain(Table):
    chain_id: Positive = Field(description="the chain to follow; every endpoint must say the same")
    endpoints: Annotated[
        tuple[EndpointUrl, ...],
        OneOrMore,
        Field(min_length=1),
    ] = Field(description="URLs of nodes, preferred first; ws:// or wss:// gives pushes")
    poll_seconds: Annotated[Real, Field(gt=0)] = Field(
        default=2, description="how often a node without WebSocket is asked for its head"
    )
    timeout_seconds: Annotated[Real, Field(gt=0)] = Field(
        default=10, description="how long a node may take to answer"
    )
    requests_per_second: Annotated[Real, Field(gt=0)] | None = Field(
        default=None, description="most calls to each endpoint; unset: no limit"
    )
    prove_logs: bool = Field(
        default=True, description="read each block's logs whole and hold them against its bloom"
    )
    prove_headers: bool = Field(
        default=True, description="believe a header only where its fields have the hash it names"
    )
    max_head_age_seconds: Annotated[Real, Field(gt=0)] | None = Field(
        default=None, description="not ready when the newest block is older; unset: never for that"
    )
    reorg_window: Positive = Field(
        default=128, description="blocks kept undoable where the node has no finalized tag"
    )
    start_block: StartBlock = Field(
        default="snapshot", description='"snapshot" reads the state at the head; a number replays'
    )


class Store(Table):
    url: StoreUrl = Field(
        default=EMBEDDED,
        description="redis://, rediss://, unix://; embedded: a server of our own",
    )
    state_dir: Path = Field(description="where the embedded server keeps its data")
    namespace: Name = Field(default="default", description="keeps daemons that share a Redis apart")
    lease_seconds: Annotated[Real, Field(ge=1)] = Field(
        default=10, description="a daemon not heard of for so long is replaced by its standby"
    )


class Snapshots(Table):
    dir: Path = Field(description="where what alerts rest on is kept; unset: under state_dir")
    keep: Count = Field(default=200, description="most snapshots, the oldest go; 0 writes none")
    max_megabytes: Positive = Field(
        default=1_000, description="most they take together, but always the newest"
    )


KEYS_OF_PROTOCOL: Mapping[str, frozenset[str]] = {
    "morpho_blue": frozenset({"market_ids"}),
    "maker": frozenset({"spotter", "jug", "dog", "ilks", "cdp_manager"}),
}
"""Keys of a [[markets]] entry that only some protocols have."""


class Market(Table):
    name: Name = Field(description="unique; the label in API and metrics")
    protocol: Literal["aave_v3", "morpho_blue", "compound_v3", "maker"] = Field(
        description=f"what kind of market; this version follows {', '.join(PROTOCOLS)}"
    )
    address: HexAddress = Field(
        description="address of PoolAddressesProvider, Morpho, Comet or Vat"
    )
    from_block: Count = Field(
        default=0, description="where the contract begins, or before: accounts are found from there"
    )
    market_ids: MarketIds | None = Field(
        default=None, description="morpho_blue: ids, or all (as unset), to which anybody can add"
    )
    spotter: HexAddress | None = Field(default=None, description="maker: address of the Spotter")
    jug: HexAddress | None = Field(default=None, description="maker: address of the Jug")
    dog: HexAddress | None = Field(default=None, description="maker: address of the Dog")
    ilks: Literal["all"] | Names | None = Field(
        default=None, description="maker: collateral types such as ETH-A; unset: all"
    )
    cdp_manager: HexAddress | None = Field(
        default=None, description="maker: address of the CDP manager"
    )

    def faults(self) -> Iterator[Fault]:
        if self.protocol not in PROTOCOLS:
            followed = ", ".join(PROTOCOLS)
            yield "protocol", _unsupported(f"protocol {self.protocol}", followed)
            return
        own = KEYS_OF_PROTOCOL.get(self.protocol, frozenset())
        expected = ", ".join(sorted(own)) or "none"
        shared = {"name", "protocol", "address", "from_block"}
        for key in sorted(self.model_fields_set - shared - own):
            yield key, f"not a key of an {self.protocol} market: expected {expected}"


class Receipt(Table):
    token: HexAddress = Field(description="the token that is a claim")
    kind: Literal["erc4626", "aave_atoken", "rate_provider"] = Field(
        description="what it is: a vault, an aToken, or a token with a rate"
    )
    from_block: Count = Field(
        default=0, description="erc4626: where the token begins, to find its holders"
    )
    underlying: HexAddress | None = Field(
        default=None, description="rate_provider: the token that it is a claim on"
    )
    rate_method: ViewName | None = Field(
        default=None, description="rate_provider: the view that gives the rate, as a wad"
    )
    rate_source: HexAddress | None = Field(
        default=None, description="rate_provider: contract that has the view, if not the token"
    )

    def faults(self) -> Iterator[Fault]:
        needed = {"underlying", "rate_method"} if self.kind == "rate_provider" else set()
        for key in sorted(needed):
            if getattr(self, key) is None:
                yield key, "missing: a rate_provider needs it"
        if self.underlying == self.token:
            yield "underlying", "the token itself: expected what it is a claim on"
        allowed = needed | ({"rate_source"} if needed else set())
        if self.kind == "erc4626":
            allowed = {"from_block"}
        expected = ", ".join(sorted(allowed)) or "none"
        for key in sorted(self.model_fields_set - {"token", "kind"} - allowed):
            yield key, f"not a key of an {self.kind} receipt: expected {expected}"


class Liquidity(Table):
    kind: Literal["uniswap_v2", "uniswap_v3", "stableswap", "parametric"] = Field(
        description="what kind of pool; parametric: depth that you state"
    )
    pool: HexAddress | None = Field(
        default=None, description="address of the pool; of all kinds but parametric"
    )
    asset: HexAddress | None = Field(default=None, description="parametric: the token that is sold")
    quote: HexAddress | None = Field(
        default=None, description="parametric: the token it is sold for"
    )
    depth_at_2_percent_usd: Annotated[Real, Field(gt=0)] | None = Field(
        default=None, description="parametric: the sale, in USD, that lets the price fall by 2 %"
    )

    fee_ppm: Annotated[Count, Field(lt=10**6)] | None = Field(
        default=None, description="uniswap_v2: fee in millionths, where it is not 3000"
    )

    def faults(self) -> Iterator[Fault]:
        needed, also = _LIQUIDITY_KEYS[self.kind]
        for key in sorted(needed):
            if getattr(self, key) is None:
                yield key, f"missing: a {self.kind} entry needs it"
        expected = ", ".join((*needed, *also))
        for key in sorted(self.model_fields_set - {"kind", *needed, *also}):
            yield key, f"not a key of a {self.kind} entry: expected {expected}"
        if self.asset is not None and self.asset == self.quote:
            yield "quote", "the asset itself: expected what it is sold for"


_LIQUIDITY_KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "uniswap_v2": (("pool",), ("fee_ppm",)),
    "uniswap_v3": (("pool",), ()),
    "stableswap": (("pool",), ()),
    "parametric": (("asset", "quote", "depth_at_2_percent_usd"), ()),
}
"""What an entry of a kind needs, and what else it may have."""


class Asset(Table):
    address: HexAddress = Field(description="address of the token of this name")
    price_feed: HexAddress | None = Field(
        default=None, description="Chainlink proxy in USD, for valuation only"
    )
    correlated_with: Names = Field(
        default=(), description="assets that follow a price shock of it where they are not named"
    )


class Feed(Table):
    address: HexAddress = Field(description="address of a price feed: its proxy or its aggregator")
    heartbeat_seconds: Positive | None = Field(
        default=None, description="how often it answers at least; later is overdue"
    )
    deviation: Annotated[Real, Field(gt=0, lt=1)] | None = Field(
        default=None, description="ratio off the market at which it answers anew"
    )


class Curve(Table):
    asset: str = Field(description="the asset whose price is shocked")
    to: Move = Field(description="the largest shock, as a ratio: -0.5 is half")
    steps: Annotated[Positive, Field(le=10_000)] = Field(
        default=100, description="points on the curve, each a projection"
    )

    def faults(self) -> Iterator[Fault]:
        if self.to == 0:
            yield "to", "0 is no shock: expected a ratio such as -0.5"


class Options(Table):
    """Options of a projection; what a scenario leaves out, `[projection]` says."""

    gas_usd: Annotated[Real, Field(ge=0)] | None = Field(
        default=None, description="what a liquidation costs the liquidator"
    )
    deviation: Annotated[Real, Field(ge=0, lt=1)] | None = Field(
        default=None,
        description="how far off its market an oracle moves; unset: each its own, or 0.005",
    )
    max_rounds: Annotated[Positive, Field(le=10_000)] | None = Field(
        default=None, description="rounds before a cascade is cut off"
    )
    critical_usd: Annotated[Real, Field(gt=0)] | None = Field(
        default=None,
        description="from how much liquidated a shock is critical; unset: 1 % of collateral",
    )
    fill: Literal["ladder", "optimal"] | None = Field(
        default=None, description="which size is liquidated: the first that pays, or the best"
    )
    unwind: bool | None = Field(
        default=None, description="whether loops that lose by a held utilisation are closed first"
    )


class Projection(Options):
    gas_usd: Annotated[Real, Field(ge=0)] = Field(
        default=50, description="what a liquidation costs the liquidator"
    )
    max_rounds: Annotated[Positive, Field(le=10_000)] = Field(
        default=100, description="rounds before a cascade is cut off"
    )
    fill: Literal["ladder", "optimal"] = Field(
        default="ladder",
        description="which size is liquidated: the first that pays, or the best",
    )
    unwind: bool = Field(
        default=False, description="whether loops that lose by a held utilisation are closed first"
    )


class Scenario(Table):
    shocks: Mapping[str, Shock] | None = Field(
        default=None, min_length=1, description="what moves and how far: see Shocks"
    )
    curve: Curve | None = Field(default=None, description="a row of shocks of one asset")
    options: Options = Field(
        default_factory=Options, description="instead of those in [projection]"
    )

    def faults(self) -> Iterator[Fault]:
        if self.curve is not None:
            yield from ((f"curve.{key}", text) for key, text in self.curve.faults())
        yield from ((f"options.{key}", text) for key, text in self.options.faults())


class Loops(Table):
    window_seconds: Positive = Field(
        default=3_600, description="how long borrowed money is followed through wallets"
    )
    tolerance: Annotated[Real, Field(ge=0, lt=1)] = Field(
        default=0.05, description="what a swap may lose of a value and still be one"
    )
    concentration: Annotated[Real, Field(gt=0, le=1)] = Field(
        default=0.8, description="share of both sides that makes a loop where no flow was seen"
    )
    wrapped_native: HexAddress | None = Field(
        default=None, description="WETH or its like; known on chains 1, 10, 8453 and 42161"
    )


class AccountCode(Table):
    hash: CodeHash = Field(description="keccak of the deployed code, as EXTCODEHASH gives it")
    kind: Literal["safe", "safe_proxy", "ds_proxy", "smart_account", "erc1967_proxy"] = Field(
        description="what it is; smart_account has owner()"
    )


class Http(Table):
    listen: str = Field(default="127.0.0.1:9464", description="address and port of API and metrics")
    token: SecretStr | None = Field(default=None, description="bearer token; needed off loopback")

    @property
    def host(self) -> str:
        return urlsplit(f"//{self.listen}").hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(f"//{self.listen}").port or 0

    def faults(self) -> Iterator[Fault]:
        try:
            usable = bool(self.host) and urlsplit(f"//{self.listen}").port is not None
        except ValueError:
            usable = False
        if not usable:
            yield "listen", "expected an address and a port, such as 127.0.0.1:9464"
        elif self.token is None and not is_loopback(self.host):
            yield "listen", "not a loopback address: expected 127.0.0.1, or http.token_file as well"
        token = None if self.token is None else self.token.get_secret_value()
        if token is not None and not (token.strip() and token.isprintable()):
            yield "token", "expected one line of printable text"


def _unsupported(what: str, expected: str) -> str:
    return f"{what} is not supported by this version: expected {expected}"
