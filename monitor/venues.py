"""From a [[liquidity]] entry to the plug-in that reads its pool."""

from fractions import Fraction

from monitor.core.curves import ParametricCurve
from monitor.core.units import Address, AssetId
from monitor.library import abi_library
from monitor.liquidity.parametric import StatedDepth
from monitor.liquidity.source import PoolSource, Venue
from monitor.liquidity.stableswap import StableSwapAbi, StableSwapPool
from monitor.liquidity.uniswap_v2 import FEE_PPM, UniswapV2Pair
from monitor.liquidity.uniswap_v3 import UniswapV3Pool
from monitor.schema import Liquidity


def venue_of(entry: Liquidity, native: AssetId | None) -> Venue:
    """The schema has seen to it that what its kind needs is there. `native`: the token that stands
    for the chain's own coin, which some pools hold as it is.
    """
    pool = Address(entry.pool or "")
    match entry.kind:
        case "uniswap_v2":
            fee_ppm = FEE_PPM if entry.fee_ppm is None else entry.fee_ppm
            pair = abi_library("uniswap_v2/UniswapV2Pair")
            return PoolSource(UniswapV2Pair(pool, pair, fee_ppm))
        case "uniswap_v3":
            return PoolSource(UniswapV3Pool(pool, abi_library("uniswap_v3/UniswapV3Pool")))
        case "stableswap":
            return StableSwapPool(pool, _stableswap(), native)
        case "parametric":
            asset, quote = (AssetId(Address(token or "")) for token in (entry.asset, entry.quote))
            return StatedDepth(
                ParametricCurve(asset, quote, Fraction(str(entry.depth_at_2_percent_usd)))
            )


def _stableswap() -> StableSwapAbi:
    return StableSwapAbi(
        pool=abi_library("stableswap/Pool"),
        older=abi_library("stableswap/OlderPool"),
        erc20=abi_library("erc20/Token"),
        bytes32_erc20=abi_library("erc20/Bytes32Token"),
    )
