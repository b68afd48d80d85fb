"""SparkLend's rounding upgrade, done to a market of Aave 3.0.2 that stands in for Spark.

The code it brings is a DOUBLE: see contracts/spark/rounding.js.
"""

from devnet.aave_deployment import TREASURY
from devnet.abi import ZERO_ADDRESS
from devnet.deployer import ADMIN, DEPLOY_GAS, Deployer
from devnet.transactions import Receipt, Tx
from devnet.world import World

PACKAGE = "spark"
"""What the names of its artifacts begin with."""
ATOKEN_INPUT = "(address,address,address,string,string,address,bytes)"
DEBT_TOKEN_INPUT = "(address,address,string,string,address,bytes)"


async def upgrade_rounding(world: World) -> list[Receipt]:
    """The pool and both tokens of every reserve, in one block.

    `world`: a view of a market from `deploy_aave_3_0`. On mainnet it is one transaction.
    """
    return await world.block(*await rounding_upgrade(world))


async def rounding_upgrade(world: World) -> list[Tx]:
    """Deploys the new code, which changes nothing yet; the transactions that put it in place."""
    deployer, at = Deployer(world), world.addresses
    pool = await deployer.deploy(f"{PACKAGE}/Pool", at.addresses_provider)
    atoken = await deployer.deploy(f"{PACKAGE}/AToken", at.pool)
    debt_token = await deployer.deploy(f"{PACKAGE}/VariableDebtToken", at.pool)
    no_rewards = ZERO_ADDRESS
    txs = [
        world.tx(ADMIN, at.addresses_provider, "setPoolImpl(address)", pool, gas=DEPLOY_GAS),
    ]
    for symbol, token in at.tokens.items():
        supply = (TREASURY, no_rewards, f"Spark {symbol}", f"sp{symbol}", atoken, b"")
        debt = (no_rewards, f"Spark Debt {symbol}", f"variableDebt{symbol}", debt_token, b"")
        txs += [
            world.tx(ADMIN, at.configurator, f"updateAToken({ATOKEN_INPUT})", (token, *supply)),
            world.tx(
                ADMIN,
                at.configurator,
                f"updateVariableDebtToken({DEBT_TOKEN_INPUT})",
                (token, *debt),
            ),
        ]
    return txs
