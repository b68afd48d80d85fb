"""The verbs: each draws one plausible transaction from a scene, or None when nobody could."""

from devnet import MAX, Address, Tx
from devnet.chain import MULTICALL3
from devnet.world import NO_REFERRAL

from fuzz.aave_v3.scene import AaveScene
from fuzz.bundling import bundled

HEALTHY = 1.03


def supply(scene: AaveScene) -> Tx | None:
    who, rng = scene.actor(), scene.rng
    assert who is not None
    symbol = rng.choice(scene.open_reserves)
    amount = max(2, scene.amount(scene.raw_of_usd(symbol, 1, 100_000)))
    if rng.random() < 0.8:
        return scene.world.supply(who, symbol, amount)
    # The name it had in V2 is still there.
    signature = "deposit(address,uint256,address,uint16)"
    args = (scene.world.token(symbol), amount, who, NO_REFERRAL)
    return scene.world.tx(who, scene.world.addresses.pool, signature, *args)


def withdraw(scene: AaveScene) -> Tx | None:
    who = scene.actor(lambda who: any(scene.free_raw(who, s) for s in scene.supplied(who)))
    if who is None:
        return None
    symbol = scene.rng.choice([s for s in scene.supplied(who) if scene.free_raw(who, s)])
    free = min(scene.free_raw(who, symbol), scene.sight.reserves[symbol].cash_raw)
    whole = free == scene[who].supplied[symbol] and scene.rng.random() < 0.3
    to = scene.other(who) if scene.rng.random() < 0.2 else who
    amount = MAX if whole else max(1, scene.amount(free))
    return scene.world.withdraw(who, symbol, amount, to)


def borrow(scene: AaveScene) -> Tx | None:
    who = scene.actor(lambda who: scene[who].data.available_borrows_e8 > 10**8)
    if who is None:
        return None
    symbols = scene.borrowable(who)
    if not symbols:
        return None
    symbol = scene.rng.choice(symbols)
    room = scene.raw(symbol, scene[who].data.available_borrows_e8 * 0.98)
    most = min(room, scene.sight.reserves[symbol].cash_raw)
    amount = max(1, scene.amount(most))
    return scene.world.borrow(who, symbol, amount)


def repay(scene: AaveScene) -> Tx | None:
    who = scene.actor(lambda who: bool(scene.owed(who)))
    if who is None:
        return None
    symbol = scene.rng.choice(scene.owed(who))
    whole = scene.rng.random() < 0.2
    return scene.world.repay(who, symbol, MAX if whole else scene.amount(scene[who].owed[symbol]))


def repay_for_another(scene: AaveScene) -> Tx | None:
    debtor = scene.actor(lambda who: bool(scene.owed(who)))
    if debtor is None:
        return None
    symbol = scene.rng.choice(scene.owed(debtor))
    amount = scene.amount(scene[debtor].owed[symbol])
    # More than is owed is taken for all of it; MAX on behalf of another is refused.
    if scene.rng.random() < 0.15:
        amount = 2 * scene[debtor].owed[symbol]
    return scene.world.repay(scene.other(debtor), symbol, amount, on_behalf_of=debtor)


def repay_with_atokens(scene: AaveScene) -> Tx | None:
    def both(who: Address) -> list[str]:
        return [s for s in scene.owed(who) if scene.free_raw(who, s)]

    who = scene.actor(lambda who: bool(both(who)))
    if who is None:
        return None
    symbol = scene.rng.choice(both(who))
    if scene.rng.random() < 0.25:
        return scene.world.repay_with_atokens(who, symbol, MAX)
    most = min(scene[who].owed[symbol], scene.free_raw(who, symbol))
    return scene.world.repay_with_atokens(who, symbol, scene.amount(most))


def transfer(scene: AaveScene) -> Tx | None:
    who = scene.actor(lambda who: any(scene.free_raw(who, s) for s in scene.supplied(who)))
    if who is None:
        return None
    symbol = scene.rng.choice([s for s in scene.supplied(who) if scene.free_raw(who, s)])
    amount = scene.amount(scene.free_raw(who, symbol))
    return moved(scene, who, symbol, scene.other(who), amount)


def transfer_to_self(scene: AaveScene) -> Tx | None:
    who = scene.actor(lambda who: bool(scene.supplied(who)))
    if who is None:
        return None
    symbol = scene.rng.choice(scene.supplied(who))
    whole = scene.rng.random() < 0.3
    held = scene.whole_balance(who, symbol)
    return moved(scene, who, symbol, who, held if whole else scene.amount(held))


def transfer_all(scene: AaveScene) -> Tx | None:
    def movable(who: Address) -> list[str]:
        return [s for s in scene.supplied(who) if scene.free_raw(who, s) == scene[who].supplied[s]]

    who = scene.actor(lambda who: bool(movable(who)))
    if who is None:
        return None
    symbol = scene.rng.choice(movable(who))
    amount = scene.whole_balance(who, symbol)
    return moved(scene, who, symbol, scene.other(who), amount)


def moved(scene: AaveScene, sender: Address, symbol: str, to: Address, amount: int) -> Tx:
    """A transfer of aTokens."""
    token = scene.sight.reserves[symbol].supply_token
    return scene.world.tx(sender, token, "transfer(address,uint256)", to, amount)


def collateral_flag(scene: AaveScene) -> Tx | None:
    chosen = new_flag(scene)
    return scene.world.set_collateral(*chosen) if chosen else None


def new_flag(scene: AaveScene) -> tuple[Address, str, bool] | None:
    """Somebody, an asset of its, and whether it is to secure debts from now on."""

    def may_flip(who: Address, symbol: str) -> bool:
        is_on = scene.sight.uses(who, symbol)
        return not is_on or scene.free_raw(who, symbol) == scene[who].supplied[symbol]

    def flippable(who: Address) -> list[str]:
        return [s for s in scene.supplied(who) if may_flip(who, s)]

    who = scene.actor(lambda who: bool(flippable(who)))
    if who is None:
        return None
    symbol = scene.rng.choice(flippable(who))
    return who, symbol, not scene.sight.uses(who, symbol)


def e_mode(scene: AaveScene) -> Tx | None:
    """Into a category, into another, or out again."""
    chosen = new_e_mode(scene)
    return scene.world.set_emode(*chosen) if chosen else None


def new_e_mode(scene: AaveScene) -> tuple[Address, int] | None:
    """Somebody, and a category that suits."""
    reserves, categories = scene.sight.reserves, scene.sight.categories

    def fits(who: Address, number: int) -> bool:
        if number == scene[who].e_mode or scene[who].is_liquidatable:
            return False
        lists = categories.get(number)
        debts = [symbol for symbol, raw in scene[who].owed.items() if raw]
        if lists and not all(lists.borrowable >> reserves[s].ordinal & 1 for s in debts):
            return False
        counted = sum(
            scene.value_e8(s, scene[who].supplied[s]) * scene.threshold_in(number, s)
            for s in scene.pledged(who)
        )
        return counted >= scene[who].data.debt_e8 * HEALTHY

    numbers = [0, *(n for n, category in categories.items() if category.threshold_bps)]
    number = scene.rng.choice(numbers)
    who = scene.actor(lambda who: fits(who, number))
    return (who, number) if who else None


def mint_to_treasury(scene: AaveScene) -> Tx | None:
    who, rng = scene.actor(), scene.rng
    assert who is not None
    tokens = [scene.world.token(symbol) for symbol in scene.sight.reserves]
    some = rng.sample(tokens, rng.randint(1, len(tokens)))
    return scene.world.tx(
        who, scene.world.addresses.pool, "mintToTreasury(address[])", some, gas=5_000_000
    )


def bundle(scene: AaveScene) -> Tx | None:
    """Several verbs in one transaction, all by the one account that sends it: the Multicall3."""
    who = scene.actor()
    assert who is not None
    world, rng = scene.world, scene.rng
    symbol = rng.choice(scene.open_reserves)
    amount = max(4, scene.raw_of_usd(symbol, 1, 10_000))
    heir = scene.other(who)
    calls = [
        world.mint(MULTICALL3, symbol, 2 * amount),
        world.approve(MULTICALL3, symbol, world.addresses.pool),
        world.supply(MULTICALL3, symbol, amount, on_behalf_of=heir),
        world.supply(MULTICALL3, symbol, amount),
        *rng.choice(
            [
                (world.withdraw(MULTICALL3, symbol, amount // 2),),
                (moved(scene, MULTICALL3, symbol, heir, amount // 3),),
                (
                    world.borrow(MULTICALL3, symbol, amount // 4),
                    world.repay_with_atokens(MULTICALL3, symbol, amount // 5),
                    world.repay(MULTICALL3, symbol, MAX),
                ),
            ]
        ),
    ]
    return bundled(world, who, calls)


def multicall(scene: AaveScene) -> Tx | None:
    """Several verbs in one call of the pool, which makes them in the sender's name."""
    who = scene.actor()
    assert who is not None
    symbol = scene.rng.choice(scene.open_reserves)
    amount = max(4, scene.raw_of_usd(symbol, 1, 10_000))
    calls = [
        scene.world.supply(who, symbol, amount),
        scene.world.withdraw(who, symbol, amount // 2),
        scene.world.supply(who, symbol, amount // 3, on_behalf_of=scene.other(who)),
    ]
    data = [call.data for call in calls]
    return scene.world.tx(who, scene.world.addresses.pool, "multicall(bytes[])", data)
