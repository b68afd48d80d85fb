// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IPriceSource} from './PriceSource.sol';

interface IEtherRate {
  function getPooledEthByShares(uint256 shares) external view returns (uint256);
}

/// Double of Spark's WSTETHExchangeRateOracle: ETH / USD times stETH's rate; no market of wstETH
/// moves it. Leaves out nothing that a reader sees.
contract ExchangeRateOracle is IPriceSource {
  IEtherRate public immutable steth;
  IPriceSource public immutable ethSource;
  uint8 public constant decimals = 8;

  constructor(IEtherRate stakedEther, IPriceSource etherPrice) {
    require(etherPrice.decimals() == 8, 'ether price has not 8 decimals');
    steth = stakedEther;
    ethSource = etherPrice;
  }

  function latestAnswer() external view returns (int256) {
    int256 ether_ = ethSource.latestAnswer();
    int256 rate = int256(steth.getPooledEthByShares(1e18));
    return ether_ <= 0 || rate <= 0 ? int256(0) : (rate * ether_) / 1e18;
  }
}

/// Double of Morpho's WstEthStEthExchangeRateChainlinkAdapter: stETH's rate in a feed's clothes.
/// Leaves out nothing; on mainnet the address of stETH is a constant.
contract ExchangeRateFeed {
  IEtherRate public immutable ST_ETH;
  uint8 public constant decimals = 18;
  string public constant description = 'wstETH/stETH exchange rate';

  constructor(IEtherRate stakedEther) {
    ST_ETH = stakedEther;
  }

  function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
    return (0, int256(ST_ETH.getPooledEthByShares(1 ether)), 0, 0, 0);
  }
}
