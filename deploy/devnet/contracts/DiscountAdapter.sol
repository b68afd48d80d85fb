// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IPriceSource} from './PriceSource.sol';

/// Double of BGD Labs' PendlePriceCapAdapter: a price less a discount that shrinks each second
/// until maturity, with no log. Leaves out access control, bounds, and asking the token its expiry.
contract DiscountAdapter is IPriceSource {
  event DiscountRatePerYearUpdated(uint64 oldDiscountRatePerYear, uint64 newDiscountRatePerYear);

  uint256 public constant PERCENTAGE_FACTOR = 1e18;
  uint256 public constant SECONDS_PER_YEAR = 365 days;

  IPriceSource public immutable ASSET_TO_USD_AGGREGATOR;
  address public immutable PENDLE_PRINCIPAL_TOKEN;
  uint8 public immutable DECIMALS;
  uint256 public immutable MATURITY;
  uint64 public immutable MAX_DISCOUNT_RATE_PER_YEAR;
  string public description = 'PT Adapter';
  uint64 public discountRatePerYear;

  constructor(IPriceSource asset, address principalToken, uint256 maturity, uint64 maxRate, uint64 rate) {
    ASSET_TO_USD_AGGREGATOR = asset;
    PENDLE_PRINCIPAL_TOKEN = principalToken;
    DECIMALS = asset.decimals();
    MATURITY = maturity;
    MAX_DISCOUNT_RATE_PER_YEAR = maxRate;
    setDiscountRatePerYear(rate);
  }

  function setDiscountRatePerYear(uint64 rate) public {
    emit DiscountRatePerYearUpdated(discountRatePerYear, rate);
    discountRatePerYear = rate;
  }

  function getCurrentDiscount() public view returns (uint256) {
    uint256 left = MATURITY > block.timestamp ? MATURITY - block.timestamp : 0;
    return (left * discountRatePerYear) / SECONDS_PER_YEAR;
  }

  function decimals() external view returns (uint8) {
    return DECIMALS;
  }

  function latestAnswer() external view returns (int256) {
    int256 price = ASSET_TO_USD_AGGREGATOR.latestAnswer();
    if (price <= 0) return 0;
    return int256((uint256(price) * (PERCENTAGE_FACTOR - getCurrentDiscount())) / PERCENTAGE_FACTOR);
  }
}
