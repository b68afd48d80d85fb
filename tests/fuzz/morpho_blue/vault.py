"""What depositors of the vault do, and its curator."""

from devnet import MAX, Address, Tx

from fuzz import dice
from fuzz.morpho_blue.scene import WAD, MorphoScene

LEAST_USD, MOST_USD = 1, 100_000
MOST_FEE_WAD = WAD // 4


def deposit(scene: MorphoScene) -> Tx | None:
    """By assets or by shares; into the first market with room under its cap."""
    who, rng, vault = _somebody(scene), scene.rng, scene.world.vault
    asset = scene.world.token(scene.world.terms.vaults[0].asset)
    raw = scene.raw_of_usd(asset, LEAST_USD, MOST_USD)
    heir = scene.other(who) if rng.random() < 0.2 else who
    if rng.random() < 0.3:
        return vault.mint(who, max(1, _shares(scene, raw)), heir)
    return vault.deposit(who, raw, heir)


def withdraw(scene: MorphoScene) -> Tx | None:
    """By assets; not all, for what the last share claims is rounded down."""
    who = _holder(scene)
    if who is None:
        return None
    most = scene.sight.vault.balances[who] * scene.sight.vault.assets_raw
    raw = dice.amount(scene.rng, most // scene.sight.vault.shares * 9 // 10)
    return scene.world.vault.withdraw(who, raw)


def redeem(scene: MorphoScene) -> Tx | None:
    """By shares, up to all of them."""
    who = _holder(scene)
    if who is None:
        return None
    return scene.world.vault.redeem(who, dice.amount(scene.rng, scene.sight.vault.balances[who]))


def transfer(scene: MorphoScene) -> Tx | None:
    who = _holder(scene)
    if who is None:
        return None
    shares = dice.amount(scene.rng, scene.sight.vault.balances[who])
    return scene.world.vault.transfer(who, scene.other(who), shares)


def reallocate(scene: MorphoScene) -> Tx | None:
    """Some of what one market holds goes to another."""
    source, target = scene.rng.sample(list(scene.sight.vault.caps), 2)
    vault = scene.world.vault
    held, liquid = scene[source].lent_raw(vault.address), scene[source].liquid_raw
    room = scene.sight.vault.caps[target].cap_raw - scene[target].lent_raw(vault.address)
    most = min(held, liquid, room) * 9 // 10
    if most <= 1:
        return None
    return vault.reallocate((source, held - dice.amount(scene.rng, most)), (target, MAX))


def cap(scene: MorphoScene) -> Tx | None:
    """Lower at once; higher a day after it was asked for."""
    vault, rng = scene.world.vault, scene.rng
    for market, seen in scene.sight.vault.caps.items():
        if seen.ripe_unix and seen.ripe_unix <= scene.stage.at_unix:
            return vault.accept_cap(market)
    market, seen = rng.choice(list(scene.sight.vault.caps.items()))
    if seen.ripe_unix or rng.random() < 0.5:
        return vault.submit_cap(market, int(seen.cap_raw * rng.uniform(0.9, 0.999)))
    return vault.submit_cap(market, int(seen.cap_raw * rng.uniform(1.01, 1.3)))


def fee(scene: MorphoScene) -> Tx | None:
    could = [0, scene.rng.randint(1, MOST_FEE_WAD)]
    could = [wad for wad in could if wad != scene.sight.vault.fee_wad]
    return scene.world.vault.set_fee(scene.rng.choice(could))


def _somebody(scene: MorphoScene) -> Address:
    return scene.stage.who or scene.rng.choice(scene.actors)


def _holder(scene: MorphoScene) -> Address | None:
    people = [scene.stage.who] if scene.stage.who else scene.actors
    holders = [who for who in people if scene.sight.vault.balances[who] > 1]
    return scene.rng.choice(holders) if holders else None


def _shares(scene: MorphoScene, raw: int) -> int:
    vault = scene.sight.vault
    return raw * (vault.shares + 1) // (vault.assets_raw + 1)
