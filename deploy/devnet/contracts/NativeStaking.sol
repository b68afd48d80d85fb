// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

interface IMintedStakedEther {
  function mint(address to, uint256 amount) external returns (bool);
  function getWstETHByStETH(uint256 amount) external view returns (uint256);
}

/// A double of ours: stakes native coins as Lido's wstETH does when it is sent some. It mints the
/// double of wstETH to the sender at its rate, and keeps the coins.
contract NativeStaking {
  IMintedStakedEther public immutable wstETH;

  constructor(IMintedStakedEther token) {
    wstETH = token;
  }

  receive() external payable {
    wstETH.mint(msg.sender, wstETH.getWstETHByStETH(msg.value));
  }
}
