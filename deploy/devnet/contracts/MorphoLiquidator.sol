// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Redeemer} from './Redeemer.sol';
import {IToken, Seller} from './Seller.sol';

interface IMorpho {
  struct MarketParams {
    address loanToken;
    address collateralToken;
    address oracle;
    address irm;
    uint256 lltv;
  }

  function position(
    bytes32 id,
    address user
  ) external view returns (uint256 supplyShares, uint128 borrowShares, uint128 collateral);
  function liquidate(
    MarketParams memory marketParams,
    address borrower,
    uint256 seizedAssets,
    uint256 repaidShares,
    bytes calldata data
  ) external returns (uint256 seized, uint256 repaid);
}

/// A liquidator's visits to Morpho Blue, which lets any part of a debt be repaid.
abstract contract MorphoLiquidator is Seller, Redeemer {
  /// `path` begins with the collateral, or with what it is a claim on.
  struct MorphoTarget {
    IMorpho morpho;
    IMorpho.MarketParams params;
    address user;
    bytes path;
    address router;
    Claim claim;
  }

  error Allowed();

  /// A visit of the reference cascade. The maximum is all of the debt, or all of the collateral
  /// where that does not suffice. The first size that earns more than `margin` is done.
  function visitMorpho(MorphoTarget calldata target, uint256 margin) external {
    (, uint256 shares, uint256 collateral) = target.morpho.position(
      keccak256(abi.encode(target.params)),
      target.user
    );
    bool clearsDebt = _isAllowed(target, shares);
    uint256 largest = clearsDebt ? shares : collateral;
    for (uint256 rung = 0; rung < RUNGS && largest >> rung > 0; rung++) {
      uint256 size = largest >> rung;
      (uint256 seized, uint256 repaid) = clearsDebt ? (uint256(0), size) : (size, uint256(0));
      try this.liquidateMorphoIfItPays(target, seized, repaid, margin) {
        return;
      } catch {}
    }
  }

  function liquidateMorphoIfItPays(
    MorphoTarget calldata target,
    uint256 seizedAssets,
    uint256 repaidShares,
    uint256 margin
  ) external {
    (uint256 seized, uint256 repaid) = _liquidate(target, seizedAssets, repaidShares);
    (address token, uint256 amount) = _redeem(
      target.claim,
      target.params.collateralToken,
      seized
    );
    uint256 proceeds = token == target.params.loanToken
      ? amount
      : _sell(token, amount, target.path, target.router);
    if (proceeds <= repaid + margin) revert DoesNotPay();
  }

  /// Always reverts: with Allowed, or with Morpho's refusal.
  function askMorpho(MorphoTarget calldata target, uint256 repaidShares) external {
    _liquidate(target, 0, repaidShares);
    revert Allowed();
  }

  function _liquidate(
    MorphoTarget calldata target,
    uint256 seizedAssets,
    uint256 repaidShares
  ) private returns (uint256 seized, uint256 repaid) {
    IToken loan = IToken(target.params.loanToken);
    loan.approve(address(target.morpho), loan.balanceOf(address(this)));
    return target.morpho.liquidate(target.params, target.user, seizedAssets, repaidShares, '');
  }

  function _isAllowed(MorphoTarget calldata target, uint256 repaidShares) private returns (bool) {
    try this.askMorpho(target, repaidShares) {} catch (bytes memory reason) {
      return bytes4(reason) == Allowed.selector;
    }
    return false;
  }
}
