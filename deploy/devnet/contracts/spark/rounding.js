// What Spark's rounding upgrade changes, as replacements in Aave 3.0.2's own sources.
//
// A DOUBLE: Spark's contracts are in no registry. What rounds which way is from section 1.12 of
// the accounting reference (read from SPARK's ROUNDING_MITIGATION_REPORT.md); the words are ours.
// Where that is silent, the double does what cannot revert: a withdrawal of everything and the
// liquidation fee's cap count the balance as displayed. It does not turn collateral off after a
// repayment with all aTokens, as Spark does.
'use strict';

const LOGIC = 'protocol/libraries/logic';
const TOKENS = 'protocol/tokenization';

const DIRECTED_MATH = `
  function rayMulFloor(uint256 a, uint256 b) internal pure returns (uint256) {
    return (a * b) / RAY;
  }

  function rayMulCeil(uint256 a, uint256 b) internal pure returns (uint256) {
    return (a * b + RAY - 1) / RAY;
  }

  function rayDivFloor(uint256 a, uint256 b) internal pure returns (uint256) {
    return (a * RAY) / b;
  }

  function rayDivCeil(uint256 a, uint256 b) internal pure returns (uint256) {
    return (a * RAY + b - 1) / b;
  }
`;

const scaled = (name, body) => `
  function ${name}(uint256 amount, uint256 index) internal pure virtual${body}`;
const directed = (onMint, onBurn) =>
  scaled('_mintedScaled', ` override returns (uint256) {
    return amount.${onMint}(index);
  }`) +
  scaled('_burntScaled', ` override returns (uint256) {
    return amount.${onBurn}(index);
  }`);
const after = (line, more) => ({from: line, to: line + more});

// File -> replacements, each of a text that is there exactly once.
module.exports = {
  'protocol/libraries/math/WadRayMath.sol': [after('library WadRayMath {', DIRECTED_MATH)],
  [`${TOKENS}/base/ScaledBalanceTokenBase.sol`]: [
    after(
      'using SafeCast for uint256;',
      scaled('_mintedScaled', ' returns (uint256);') + scaled('_burntScaled', ' returns (uint256);')
    ),
    {
      from: 'amount.rayDiv(index);\n    require(amountScaled != 0, Errors.INVALID_MINT_AMOUNT);',
      to: '_mintedScaled(amount, index);\n    require(amountScaled != 0, Errors.INVALID_MINT_AMOUNT);',
    },
    {
      from: 'amount.rayDiv(index);\n    require(amountScaled != 0, Errors.INVALID_BURN_AMOUNT);',
      to: '_burntScaled(amount, index);\n    require(amountScaled != 0, Errors.INVALID_BURN_AMOUNT);',
    },
    {from: 'amount.rayDiv(index).toUint128()', to: 'amount.rayDivCeil(index).toUint128()'},
  ],
  [`${TOKENS}/AToken.sol`]: [
    {from: 'ATOKEN_REVISION = 0x1', to: 'ATOKEN_REVISION = 0x2'},
    after('using GPv2SafeERC20 for IERC20;', directed('rayDivFloor', 'rayDivCeil')),
    {from: 'super.balanceOf(user).rayMul(', to: 'super.balanceOf(user).rayMulFloor('},
    {from: 'currentSupplyScaled.rayMul(', to: 'currentSupplyScaled.rayMulFloor('},
    {from: 'super.balanceOf(from).rayMul(', to: 'super.balanceOf(from).rayMulFloor('},
    {from: 'super.balanceOf(to).rayMul(', to: 'super.balanceOf(to).rayMulFloor('},
    {from: 'amount.rayDiv(index), index)', to: 'amount.rayDivCeil(index), index)'},
    {from: 'if (amount == 0) {', to: 'if (amount.rayDivFloor(index) == 0) {'},
  ],
  [`${TOKENS}/VariableDebtToken.sol`]: [
    {from: 'DEBT_TOKEN_REVISION = 0x1', to: 'DEBT_TOKEN_REVISION = 0x2'},
    after('using SafeCast for uint256;', directed('rayDivCeil', 'rayDivFloor')),
    {from: 'scaledBalance.rayMul(', to: 'scaledBalance.rayMulCeil('},
    {from: 'super.totalSupply().rayMul(', to: 'super.totalSupply().rayMulCeil('},
  ],
  [`${LOGIC}/GenericLogic.sol`]: [
    {from: '.rayMul(reserve.getNormalizedDebt())', to: '.rayMulCeil(reserve.getNormalizedDebt())'},
    {
      from: 'return userTotalDebt / assetUnit;',
      to: 'return (userTotalDebt + assetUnit - 1) / assetUnit;',
    },
    {from: '.rayMul(normalizedIncome)', to: '.rayMulFloor(normalizedIncome)'},
    // The sum that the average threshold is made of, before it is divided.
    {
      from: 'unchecked {\n      vars.avgLtv =',
      to: 'vars.healthFactor = vars.avgLiquidationThreshold;\n    unchecked {\n      vars.avgLtv =',
    },
    {
      from: '(vars.totalCollateralInBaseCurrency.percentMul(vars.avgLiquidationThreshold)).wadDiv(\n        vars.totalDebtInBaseCurrency\n      );',
      to: 'vars.healthFactor.wadDiv(vars.totalDebtInBaseCurrency) / 10_000;',
    },
  ],
  [`${LOGIC}/SupplyLogic.sol`]: [
    {from: '.scaledBalanceOf(msg.sender).rayMul(', to: '.scaledBalanceOf(msg.sender).rayMulFloor('},
  ],
  [`${LOGIC}/LiquidationLogic.sol`]: [
    {from: 'vars.liquidationProtocolFeeAmount.rayDiv(', to: 'vars.liquidationProtocolFeeAmount.rayDivCeil('},
    {from: 'scaledDownUserBalance.rayMul(', to: 'scaledDownUserBalance.rayMulFloor('},
  ],
  'protocol/pool/Pool.sol': [{from: 'POOL_REVISION = 0x1', to: 'POOL_REVISION = 0x2'}],
};
