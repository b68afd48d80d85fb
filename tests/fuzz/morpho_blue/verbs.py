"""What lenders and borrowers do: each verb draws one plausible transaction, or None."""

from devnet import Address, Tx

from fuzz import dice
from fuzz.morpho_blue.scene import MorphoScene
from fuzz.people import manager_of

DUST_RAW = 1


def supply(scene: MorphoScene) -> Tx | None:
    """Of assets or of shares, sometimes for somebody else."""
    chosen = scene.place(lambda who, market: True)
    if chosen is None:
        return None
    who, market = chosen
    raw = max(2, dice.amount(scene.rng, scene.loan_raw_of_usd(market, 1, 100_000)))
    owner = scene.other(who) if scene.rng.random() < 0.2 else None
    morpho = scene.world.morpho
    if scene.rng.random() < 0.3:
        shares = max(1, scene.supply_shares(market, raw))
        return morpho.supply(who, market, shares=shares, on_behalf_of=owner)
    return morpho.supply(who, market, raw, on_behalf_of=owner)


def withdraw(scene: MorphoScene) -> Tx | None:
    """Of assets, of shares, or all shares."""
    chosen = scene.place(lambda who, market: scene.withdrawable_raw(who, market) > DUST_RAW)
    if chosen is None:
        return None
    who, market = chosen
    return _withdrawal(scene, who, who, market)


def _withdrawal(scene: MorphoScene, sender: Address, owner: Address, market: str) -> Tx:
    most, roll = scene.withdrawable_raw(owner, market), scene.rng.random()
    raw = dice.amount(scene.rng, most)
    morpho, shares = scene.world.morpho, scene.held(owner, market).supply_shares
    if roll < 0.2 and scene[market].lent_raw(owner) <= most:
        return morpho.withdraw(sender, market, shares=shares, on_behalf_of=owner)
    if roll < 0.5:
        some = max(1, min(shares, scene.supply_shares(market, raw)))
        return morpho.withdraw(sender, market, shares=some, on_behalf_of=owner)
    return morpho.withdraw(sender, market, raw, on_behalf_of=owner)


def supply_collateral(scene: MorphoScene) -> Tx | None:
    """Accrues nothing."""
    chosen = scene.place(lambda who, market: True)
    if chosen is None:
        return None
    who, market = chosen
    raw = max(2, dice.amount(scene.rng, scene.collateral_raw_of_usd(market, 1, 100_000)))
    owner = scene.other(who) if scene.rng.random() < 0.2 else None
    return scene.world.morpho.supply_collateral(who, market, raw, on_behalf_of=owner)


def withdraw_collateral(scene: MorphoScene) -> Tx | None:
    chosen = scene.place(lambda who, market: scene.free_raw(who, market) > DUST_RAW)
    if chosen is None:
        return None
    who, market = chosen
    raw = dice.amount(scene.rng, scene.free_raw(who, market))
    return scene.world.morpho.withdraw_collateral(who, market, raw)


def borrow(scene: MorphoScene) -> Tx | None:
    """Of assets or of shares."""
    chosen = scene.place(lambda who, market: scene.room_raw(who, market) > DUST_RAW)
    if chosen is None:
        return None
    who, market = chosen
    return _loan(scene, who, who, market)


def _loan(scene: MorphoScene, sender: Address, owner: Address, market: str) -> Tx:
    raw = dice.amount(scene.rng, scene.room_raw(owner, market))
    if scene.rng.random() < 0.3:
        shares = max(1, scene.borrow_shares(market, raw))
        return scene.world.morpho.borrow(sender, market, shares=shares, on_behalf_of=owner)
    return scene.world.morpho.borrow(sender, market, raw, on_behalf_of=owner)


def repay(scene: MorphoScene) -> Tx | None:
    """Of assets, of shares or all shares; sometimes for somebody else."""
    chosen = scene.place(lambda who, market: scene.owed_raw(who, market) > DUST_RAW)
    if chosen is None:
        return None
    debtor, market = chosen
    payer = scene.other(debtor) if scene.rng.random() < 0.25 else debtor
    return repayment(scene, payer, debtor, market)


def repayment(scene: MorphoScene, payer: Address, debtor: Address, market: str) -> Tx:
    morpho, roll = scene.world.morpho, scene.rng.random()
    shares = scene.held(debtor, market).borrow_shares
    if roll < 0.2:
        return morpho.repay(payer, market, shares=shares, on_behalf_of=debtor)
    if roll < 0.5:
        some = dice.amount(scene.rng, shares)
        return morpho.repay(payer, market, shares=some, on_behalf_of=debtor)
    # All of it rounded up may be a share more than there is, so a wei stays.
    raw = dice.amount(scene.rng, scene.owed_raw(debtor, market) - 1)
    return morpho.repay(payer, market, raw, on_behalf_of=debtor)


def authorize(scene: MorphoScene) -> Tx | None:
    """A manager is trusted, or no more."""
    who = scene.stage.who or scene.rng.choice(scene.actors)
    if who in scene.sight.trusting and scene.rng.random() < 0.5:
        return scene.world.morpho.set_authorization(who, manager_of(who), on=False)
    distrusting = [each for each in scene.actors if each not in scene.sight.trusting]
    who = who if who in distrusting else scene.rng.choice(distrusting)
    return scene.world.morpho.set_authorization(who, manager_of(who))


def on_behalf(scene: MorphoScene) -> Tx | None:
    """A manager withdraws, borrows or takes collateral of somebody who trusts it."""

    def possible(who: Address, market: str) -> list[str]:
        could = {
            "withdraw": scene.withdrawable_raw(who, market),
            "borrow": scene.room_raw(who, market),
            "collateral": scene.free_raw(who, market),
        }
        return [what for what, raw in could.items() if raw > DUST_RAW]

    trusting = scene.sight.trusting
    chosen = scene.place(lambda who, market: who in trusting and bool(possible(who, market)))
    if chosen is None:
        return None
    who, market = chosen
    manager, what = manager_of(who), scene.rng.choice(possible(who, market))
    if what == "withdraw":
        return _withdrawal(scene, manager, who, market)
    if what == "borrow":
        return _loan(scene, manager, who, market)
    raw = dice.amount(scene.rng, scene.free_raw(who, market))
    return scene.world.morpho.withdraw_collateral(manager, market, raw, on_behalf_of=who)


def accrue(scene: MorphoScene) -> Tx | None:
    who = scene.stage.who or scene.rng.choice(scene.actors)
    return scene.world.morpho.accrue_interest(who, scene.rng.choice(scene.markets))
