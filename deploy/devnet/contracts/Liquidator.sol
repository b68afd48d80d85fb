// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {MorphoLiquidator} from './MorphoLiquidator.sol';
import {IToken} from './Seller.sol';

interface IPool {
  error MustNotLeaveDust();

  function getReserveVariableDebtToken(address asset) external view returns (address);
  function liquidationCall(
    address collateralAsset,
    address debtAsset,
    address borrower,
    uint256 debtToCover,
    bool receiveAToken
  ) external;
}

/// Repays somebody's debt out of its own holdings and sells the seized collateral at once.
/// Calling it with eth_call is the preview of doing it. No access control: for the local chain.
contract Liquidator is MorphoLiquidator {
  struct Target {
    address pool;
    address collateral;
    address debt;
    address user;
    bytes path;
    address router;
  }

  error Taken(uint256 amount);

  // Finds the dust rule's limit to one part in 2^40 of the debt.
  uint256 private constant BISECTIONS = 40;

  /// A visit of the reference cascade: the protocol's maximum, a half, a quarter, an eighth of it.
  /// The first that earns more than `margin` debt tokens is done; without one, nothing is.
  function visit(Target calldata target, uint256 margin) external {
    (uint256 request, uint256 largest) = _largest(target);
    for (uint256 rung = 0; rung < RUNGS && largest >> rung > 0; rung++) {
      try this.liquidateIfItPays(target, rung == 0 ? request : largest >> rung, margin) {
        return;
      } catch {}
    }
  }

  function liquidateIfItPays(Target calldata target, uint256 debtToCover, uint256 margin) external {
    (uint256 repaid, , uint256 proceeds) = this.liquidate(
      target.pool,
      target.collateral,
      target.debt,
      target.user,
      debtToCover,
      target.path,
      target.router
    );
    if (proceeds <= repaid + margin) revert DoesNotPay();
  }

  /// Always reverts: with what the pool would take, or with its refusal. Asks for aTokens, so that
  /// a lack of cash, which may stop only the larger sizes, hides nothing.
  function ask(Target calldata target, uint256 debtToCover) external {
    uint256 held = IToken(target.debt).balanceOf(address(this));
    IToken(target.debt).approve(target.pool, held);
    IPool(target.pool).liquidationCall(
      target.collateral,
      target.debt,
      target.user,
      debtToCover,
      true
    );
    revert Taken(held - IToken(target.debt).balanceOf(address(this)));
  }

  /// @param path Uniswap V3 path from collateral to debt; unused when they are the same asset
  /// @return repaid debt tokens the pool took
  /// @return received collateral tokens the pool gave
  /// @return proceeds debt tokens the collateral was sold for
  function liquidate(
    address pool,
    address collateral,
    address debt,
    address user,
    uint256 debtToCover,
    bytes calldata path,
    address router
  ) external returns (uint256 repaid, uint256 received, uint256 proceeds) {
    uint256 held = IToken(debt).balanceOf(address(this));
    uint256 before = IToken(collateral).balanceOf(address(this));
    // What the pool took is read from the allowance: balances mix both flows when the two assets
    // are the same. An approval of exactly the holdings is never "infinite", so it is consumed.
    IToken(debt).approve(pool, held);
    IPool(pool).liquidationCall(collateral, debt, user, debtToCover, false);
    repaid = held - IToken(debt).allowance(address(this), pool);
    IToken(debt).approve(pool, 0);

    received = IToken(collateral).balanceOf(address(this)) - before;
    if (collateral == debt) {
      received += repaid;
      proceeds = received;
    } else {
      proceeds = _sell(collateral, received, path, router);
    }
  }

  /// What to request for the protocol's maximum, and how much it is; zeros when it refuses.
  function _largest(Target calldata target) private returns (uint256 request, uint256 taken) {
    bytes4 refusal;
    (taken, refusal) = _answer(target, type(uint256).max);
    if (refusal != IPool.MustNotLeaveDust.selector) return (type(uint256).max, taken);
    // The close factor allows no more than would leave dust: the most that leaves none.
    address debtToken = IPool(target.pool).getReserveVariableDebtToken(target.debt);
    uint256 tooMuch = IToken(debtToken).balanceOf(target.user);
    for (uint256 step = 0; step < BISECTIONS; step++) {
      uint256 middle = (taken + tooMuch) / 2;
      (uint256 answer, ) = _answer(target, middle);
      if (answer == 0) tooMuch = middle;
      else taken = answer;
    }
    request = taken;
  }

  function _answer(
    Target calldata target,
    uint256 debtToCover
  ) private returns (uint256 taken, bytes4 refusal) {
    try this.ask(target, debtToCover) {} catch (bytes memory reason) {
      refusal = bytes4(reason);
      if (refusal == Taken.selector) {
        assembly {
          taken := mload(add(reason, 36))
        }
      }
    }
  }
}
