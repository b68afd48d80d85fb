// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IToken} from './Seller.sol';

interface ISharesVault {
  function redeem(uint256 shares, address receiver, address owner) external returns (uint256 assets);
}

interface ILendingPool {
  function withdraw(address asset, uint256 amount, address to) external returns (uint256);
}

/// Turns seized claims into what they are claims on: at the vault, or at the pool behind an aToken.
/// Who cannot pay reverts.
abstract contract Redeemer {
  enum Kind {
    NoClaim,
    VaultShare,
    AToken
  }

  struct Claim {
    Kind kind;
    address debtor;
    address underlying;
  }

  /// @return the asset that is to be sold, and how much of it there is
  function _redeem(
    Claim calldata claim,
    address token,
    uint256 amount
  ) internal returns (address, uint256) {
    if (claim.kind == Kind.NoClaim) return (token, amount);
    if (claim.kind == Kind.VaultShare) {
      uint256 assets = ISharesVault(claim.debtor).redeem(amount, address(this), address(this));
      return (claim.underlying, assets);
    }
    // An index may round what arrives down by a unit.
    uint256 held = IToken(token).balanceOf(address(this));
    uint256 asked = amount < held ? amount : held;
    return (
      claim.underlying,
      ILendingPool(claim.debtor).withdraw(claim.underlying, asked, address(this))
    );
  }
}
