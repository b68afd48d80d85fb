"""Where prices come from: other sources, a broken one, another oracle."""

from devnet import ADMIN, Address, Tx

from fuzz.aave_v3.scene import AaveScene
from fuzz.bundling import bundled
from fuzz.scene import STEADY_SHARE

SET_SOURCES = "setAssetSources(address[],address[])"


def price_source(scene: AaveScene) -> Tx | None:
    """From where it comes from first to a source whose answers log nothing, or back."""
    symbol = scene.rng.choice(list(scene.sight.reserves))
    world, fixed = scene.world, scene.props.fixed_sources[symbol]
    price_e8 = scene.sight.reserves[symbol].price_e8
    if scene.sight.reserves[symbol].source == fixed:
        return _home(scene, symbol, price_e8)
    news = world.tx(ADMIN, fixed, "set(int256)", price_e8)
    return bundled(world, ADMIN, [news, _sourced(scene, symbol, fixed)])


def to_fixed(scene: AaveScene) -> Tx | None:
    """To the source whose answers log nothing, where it is not in use; the price stays."""
    reserves, fixed = scene.sight.reserves, scene.props.fixed_sources
    others = [symbol for symbol in reserves if reserves[symbol].source != fixed[symbol]]
    if not others:
        return None
    symbol = scene.rng.choice(others)
    news = scene.world.tx(ADMIN, fixed[symbol], "set(int256)", reserves[symbol].price_e8)
    return bundled(scene.world, ADMIN, [news, _sourced(scene, symbol, fixed[symbol])])


def _home(scene: AaveScene, symbol: str, price_e8: int) -> Tx | None:
    """Back to the first source: with the same price where that ruins nobody else, or with its."""
    home = scene.props.home_sources[symbol]
    answered_e8 = scene.stage.sight.answers[home]
    back = _sourced(scene, symbol, home)
    is_feed = home in scene.world.addresses.feeds.values()
    if is_feed and scene.stage.is_steady({home: price_e8 / answered_e8}):
        return bundled(scene.world, ADMIN, [back, scene.world.move_feed(symbol, price_e8)])
    prices = {**scene.prices, symbol: answered_e8}
    return back if scene.solvent_share(prices) >= STEADY_SHARE else None


def blackout(scene: AaveScene) -> Tx | None:
    """A source that reverts: whoever holds the asset has no health factor any more."""
    symbol = scene.rng.choice(list(scene.sight.reserves))
    return _sourced(scene, symbol, scene.props.broken_source)


def light(scene: AaveScene) -> Tx:
    """The end of a blackout, by the first source; a feed is moved if that is better here."""
    symbol = scene.sight.unpriced[0]
    first, home = scene.world.terms.asset(symbol).price_e8, scene.props.home_sources[symbol]
    answered_e8 = scene.stage.sight.answers[home]
    back = _sourced(scene, symbol, home)
    if home not in scene.world.addresses.feeds.values():
        return back
    could = [scene.sight.reserves[symbol].rival_price_e8 or first, first]
    could += [first * percent // 100 for percent in (80, 90, 110, 125)]
    could = [it for it in could if scene.stage.is_steady({home: it / answered_e8})]
    best_e8 = max([answered_e8, *could], key=lambda it: _share(scene, symbol, it))
    return bundled(scene.world, ADMIN, [back, scene.world.move_feed(symbol, best_e8)])


def _share(scene: AaveScene, symbol: str, price_e8: int) -> float:
    return scene.solvent_share({**scene.prices, symbol: price_e8})


def oracle(scene: AaveScene) -> Tx | None:
    """The provider names the other oracle, if that knows all prices and few are ruined by it."""
    prices = {symbol: reserve.rival_price_e8 for symbol, reserve in scene.sight.reserves.items()}
    if not all(prices.values()) or scene.solvent_share(prices) < STEADY_SHARE:
        return None
    provider = scene.world.addresses.addresses_provider
    return scene.world.tx(ADMIN, provider, "setPriceOracle(address)", _rival(scene))


def shared(scene: AaveScene) -> Tx:
    """The same sources for the oracle that is not in use."""
    tokens = [scene.world.token(symbol) for symbol in scene.sight.reserves]
    used = [reserve.source for reserve in scene.sight.reserves.values()]
    return scene.world.tx(ADMIN, _rival(scene), SET_SOURCES, tokens, used)


def _rival(scene: AaveScene) -> Address:
    [rival] = [other for other in scene.props.oracles if other != scene.sight.oracle]
    return rival


def _sourced(scene: AaveScene, symbol: str, source: Address) -> Tx:
    asset = scene.world.token(symbol)
    return scene.world.tx(ADMIN, scene.sight.oracle, SET_SOURCES, [asset], [source])
