// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Double of Lido's stETH: shares whose claim on pooled ether grows, so that every balance rebases.
/// Leaves out staking, oracles, withdrawals and fees: anyone mints and anyone sets the rate.
contract StakedEther {
  event Transfer(address indexed from, address indexed to, uint256 value);
  event TransferShares(address indexed from, address indexed to, uint256 shares);

  string public constant name = 'Liquid staked Ether 2.0';
  string public constant symbol = 'stETH';
  uint8 public constant decimals = 18;

  mapping(address => uint256) public sharesOf;
  mapping(address => mapping(address => uint256)) public allowance;
  uint256 public getTotalShares;

  uint256 private _rateWad; // ether per share, at `_since`
  uint256 private _growthWad; // of the rate, per second
  uint256 private _since;

  constructor(uint256 rateWad, uint256 growthPerSecondWad) {
    setRate(rateWad, growthPerSecondWad);
  }

  /// Ether per share from now on; a lower one is a slashing.
  function setRate(uint256 rateWad, uint256 growthPerSecondWad) public {
    (_rateWad, _growthWad, _since) = (rateWad, growthPerSecondWad, block.timestamp);
  }

  function getPooledEthByShares(uint256 shares) public view returns (uint256) {
    return (shares * _rate()) / 1e18;
  }

  function getSharesByPooledEth(uint256 amount) public view returns (uint256) {
    return (amount * 1e18) / _rate();
  }

  function getTotalPooledEther() public view returns (uint256) {
    return getPooledEthByShares(getTotalShares);
  }

  function totalSupply() external view returns (uint256) {
    return getTotalPooledEther();
  }

  function balanceOf(address account) external view returns (uint256) {
    return getPooledEthByShares(sharesOf[account]);
  }

  function mint(address to, uint256 amount) external returns (bool) {
    uint256 shares = getSharesByPooledEth(amount);
    getTotalShares += shares;
    sharesOf[to] += shares;
    emit Transfer(address(0), to, amount);
    emit TransferShares(address(0), to, shares);
    return true;
  }

  function approve(address spender, uint256 amount) external returns (bool) {
    allowance[msg.sender][spender] = amount;
    return true;
  }

  function transfer(address to, uint256 amount) external returns (bool) {
    _transfer(msg.sender, to, amount);
    return true;
  }

  function transferFrom(address from, address to, uint256 amount) external returns (bool) {
    allowance[from][msg.sender] -= amount;
    _transfer(from, to, amount);
    return true;
  }

  function _transfer(address from, address to, uint256 amount) private {
    uint256 shares = getSharesByPooledEth(amount);
    sharesOf[from] -= shares;
    sharesOf[to] += shares;
    emit Transfer(from, to, amount);
    emit TransferShares(from, to, shares);
  }

  function _rate() private view returns (uint256) {
    return _rateWad + _growthWad * (block.timestamp - _since);
  }
}
