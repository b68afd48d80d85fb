// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {ERC20} from '@openzeppelin/contracts/token/ERC20/ERC20.sol';

interface IStakedEther {
  function getPooledEthByShares(uint256 shares) external view returns (uint256);
  function getSharesByPooledEth(uint256 amount) external view returns (uint256);
}

/// Double of Lido's wstETH: one token is one share of stETH.
/// Leaves out wrapping and unwrapping: anyone mints, and nothing backs it.
contract WrappedStakedEther is ERC20 {
  IStakedEther public immutable stETH;

  constructor(IStakedEther stakedEther) ERC20('Wrapped liquid staked Ether 2.0', 'wstETH') {
    stETH = stakedEther;
  }

  function mint(address to, uint256 amount) external returns (bool) {
    _mint(to, amount);
    return true;
  }

  function stEthPerToken() external view returns (uint256) {
    return stETH.getPooledEthByShares(1 ether);
  }

  function tokensPerStEth() external view returns (uint256) {
    return stETH.getSharesByPooledEth(1 ether);
  }

  function getStETHByWstETH(uint256 amount) external view returns (uint256) {
    return stETH.getPooledEthByShares(amount);
  }

  function getWstETHByStETH(uint256 amount) external view returns (uint256) {
    return stETH.getSharesByPooledEth(amount);
  }
}
