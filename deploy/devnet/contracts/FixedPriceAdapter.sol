// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IPriceSource} from './PriceSource.sol';

/// Double of BGD Labs' FixedPriceAdapter: a price that governance says.
/// Leaves out access control: anyone sets the price.
contract FixedPriceAdapter is IPriceSource {
  event FixedPriceUpdated(int256 currentPrice, int256 newPrice);

  error InvalidPrice();

  uint8 public immutable DECIMALS;
  string public description;
  int256 public price;

  constructor(uint8 priceDecimals, int256 initialPrice, string memory text) {
    DECIMALS = priceDecimals;
    description = text;
    setPrice(initialPrice);
  }

  function setPrice(int256 newPrice) public {
    if (newPrice < 0) revert InvalidPrice();
    emit FixedPriceUpdated(price, newPrice);
    price = newPrice;
  }

  function decimals() external view returns (uint8) {
    return DECIMALS;
  }

  function latestAnswer() external view returns (int256) {
    return price;
  }

  function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
    uint256 time = block.timestamp;
    return (uint80(time), price, time, time, uint80(time));
  }
}
