// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {ERC20} from '@openzeppelin/contracts/token/ERC20/ERC20.sol';
import {ERC4626, IERC20} from '@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol';

/// OpenZeppelin's real ERC-4626 vault, with switches that anyone may throw: assets are lost, every
/// view of its rate reverts, withdrawals are limited. Assets sent to it raise its rate at once.
contract Vault is ERC4626 {
  error VaultBroken();

  bool public broken;
  uint256 public withdrawable = type(uint256).max;

  constructor(IERC20 asset, string memory name, string memory symbol) ERC20(name, symbol) ERC4626(asset) {}

  function lose(uint256 assets) external {
    IERC20(asset()).transfer(address(0xdead), assets);
  }

  function setBroken(bool now_) external {
    broken = now_;
  }

  function limitWithdrawals(uint256 assets) external {
    withdrawable = assets;
  }

  function totalAssets() public view override returns (uint256) {
    if (broken) revert VaultBroken();
    return super.totalAssets();
  }

  function maxWithdraw(address owner) public view override returns (uint256) {
    uint256 owned = super.maxWithdraw(owner);
    return owned < withdrawable ? owned : withdrawable;
  }

  function maxRedeem(address owner) public view override returns (uint256) {
    uint256 owned = super.maxRedeem(owner);
    if (withdrawable == type(uint256).max) return owned;
    uint256 shares = convertToShares(withdrawable);
    return owned < shares ? owned : shares;
  }
}
