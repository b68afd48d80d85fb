"""Real Morpho Blue, its adaptive rate model and MetaMorpho vaults; oracles are handed in."""

from devnet.abi import MAX_UINT256, ZERO_ADDRESS, Address, account
from devnet.addresses import MarketParams, MorphoAddresses
from devnet.deployer import Deployer
from devnet.metamorpho import Vault
from devnet.morpho import Morpho
from devnet.wide_terms import PairTerms, VaultTerms, WideTerms, morpho_price_e36

MORPHO_FEE_RECIPIENT = account("morpho fees")
VAULT_FEE_RECIPIENT = account("vault fees")
TIMELOCK_SECONDS = 86_400  # the least that MetaMorpho allows


async def deploy_morpho(
    deployer: Deployer,
    terms: WideTerms,
    tokens: dict[str, Address],
    oracles: dict[str, Address],
) -> MorphoAddresses:
    """`oracles` by market name; a market without one gets a mock whose price anyone may set."""
    singleton = await deployer.deploy("Morpho", deployer.admin)
    addresses = MorphoAddresses(
        morpho=singleton,
        rate_model=await deployer.deploy("AdaptiveCurveIrm", singleton),
        actor=await deployer.deploy("MorphoActor"),
        markets={},
        vaults={},
    )
    morpho = Morpho(deployer.chain, addresses)
    await morpho.set_fee_recipient(MORPHO_FEE_RECIPIENT)
    for rate_model in (addresses.rate_model, ZERO_ADDRESS):
        await morpho.enable_rate_model(rate_model)
    for lltv_wad in sorted({pair.lltv_wad for pair in terms.pairs}):
        await morpho.enable_lltv(lltv_wad)
    for pair in terms.pairs:
        oracle = oracles.get(pair.name) or await deploy_mock_oracle(deployer, terms, pair)
        await _open_market(deployer, morpho, pair, tokens, oracle)
    for vault in terms.vaults:
        await _open_vault(deployer, morpho, vault, terms, tokens)
    return addresses


async def deploy_mock_oracle(deployer: Deployer, terms: WideTerms, pair: PairTerms) -> Address:
    oracle = await deployer.deploy("OracleMock")
    await deployer.send(oracle, "setPrice(uint256)", morpho_price_e36(terms, pair))
    return oracle


async def _open_market(
    deployer: Deployer, morpho: Morpho, pair: PairTerms, tokens: dict[str, Address], oracle: Address
) -> None:
    rate_model = morpho.addresses.rate_model if pair.adaptive else ZERO_ADDRESS
    params = MarketParams(
        tokens[pair.loan], tokens[pair.collateral], oracle, rate_model, pair.lltv_wad
    )
    morpho.addresses.markets[pair.name] = params
    await morpho.create_market(deployer.admin, params)
    if pair.fee_wad:
        await morpho.set_fee(pair.name, pair.fee_wad)


async def _open_vault(
    deployer: Deployer,
    morpho: Morpho,
    terms: VaultTerms,
    world: WideTerms,
    tokens: dict[str, Address],
) -> None:
    asset, unit = tokens[terms.asset], 10 ** world.asset(terms.asset).decimals
    morpho.addresses.vaults[terms.name] = await deployer.deploy(
        "MetaMorpho",
        *(deployer.admin, morpho.addresses.morpho, TIMELOCK_SECONDS, asset),
        *(terms.name, f"v{terms.asset}"),
    )
    vault, markets = Vault(morpho, terms.name), [cap.market for cap in terms.caps]
    for cap in terms.caps:
        await vault.submit_cap(cap.market, cap.cap * unit)
    await deployer.chain.jump(TIMELOCK_SECONDS)
    for market in markets:
        await vault.accept_cap(market)
    await vault.set_supply_queue(*markets)
    await vault.set_fee_recipient(VAULT_FEE_RECIPIENT)
    await vault.set_fee(terms.fee_wad)
    for name, whole in terms.deposits:
        depositor = account(name)
        await deployer.chain.block(
            deployer.chain.tx(depositor, asset, "mint(address,uint256)", depositor, whole * unit),
            deployer.chain.tx(
                depositor, asset, "approve(address,uint256)", vault.address, MAX_UINT256
            ),
            vault.deposit(depositor, whole * unit),
        )
