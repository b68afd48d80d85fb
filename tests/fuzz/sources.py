"""Where prices come from: other sources, a broken one, another oracle."""

from devnet import ADMIN, Address, Tx

from fuzz.props import bundled
from fuzz.scene import Scene
from fuzz.weather import STEADY_SHARE

SET_SOURCES = "setAssetSources(address[],address[])"


def price_source(scene: Scene) -> Tx | None:
    """From the feed to a source whose answers log nothing, or back; the price stays."""
    symbol = scene.rng.choice(list(scene.sight.reserves))
    return replaced(scene, symbol, scene.sight.reserves[symbol].price_e8)


def replaced(scene: Scene, symbol: str, price_e8: int) -> Tx:
    """Whatever the source is now, the other of the two that work, answering that price."""
    world, fixed = scene.world, scene.props.fixed_sources[symbol]
    feed = world.addresses.feeds[symbol]
    if scene.sight.reserves[symbol].source == fixed:
        news, source = world.move_feed(symbol, price_e8), feed
    else:
        news, source = world.tx(ADMIN, fixed, "set(int256)", price_e8), fixed
    return bundled(world, ADMIN, [news, _sourced(scene, symbol, source)])


def blackout(scene: Scene) -> Tx | None:
    """A source that reverts: whoever holds the asset has no health factor any more."""
    symbol = scene.rng.choice(list(scene.sight.reserves))
    return _sourced(scene, symbol, scene.props.broken_source)


def light(scene: Scene) -> Tx:
    """The end of a blackout, by the feed."""
    symbol = scene.sight.unpriced[0]
    first = scene.world.terms.asset(symbol).price_e8
    could = [scene.sight.reserves[symbol].rival_price_e8 or first, first]
    could += [first * percent // 100 for percent in (80, 90, 110, 125)]
    price_e8 = max(could, key=lambda it: scene.solvent_share({**scene.prices, symbol: it}))
    back = _sourced(scene, symbol, scene.world.addresses.feeds[symbol])
    return bundled(scene.world, ADMIN, [back, scene.world.move_feed(symbol, price_e8)])


def oracle(scene: Scene) -> Tx | None:
    """The provider names the other oracle, if that knows all prices and few are ruined by it."""
    prices = {symbol: reserve.rival_price_e8 for symbol, reserve in scene.sight.reserves.items()}
    if not all(prices.values()) or scene.solvent_share(prices) < STEADY_SHARE:
        return None
    provider = scene.world.addresses.addresses_provider
    return scene.world.tx(ADMIN, provider, "setPriceOracle(address)", _rival(scene))


def shared(scene: Scene) -> Tx:
    """The same sources for the oracle that is not in use."""
    tokens = [scene.world.token(symbol) for symbol in scene.sight.reserves]
    used = [reserve.source for reserve in scene.sight.reserves.values()]
    return scene.world.tx(ADMIN, _rival(scene), SET_SOURCES, tokens, used)


def _rival(scene: Scene) -> Address:
    [rival] = [other for other in scene.props.oracles if other != scene.sight.oracle]
    return rival


def _sourced(scene: Scene, symbol: str, source: Address) -> Tx:
    asset = scene.world.token(symbol)
    return scene.world.tx(ADMIN, scene.sight.oracle, SET_SOURCES, [asset], [source])
