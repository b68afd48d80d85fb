// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IPriceSource} from './PriceSource.sol';

/// Double of BGD Labs' PriceCapAdapterStable: the lower of a feed and a price cap.
/// Leaves out access control: anyone sets the cap.
contract StableCapAdapter is IPriceSource {
  event PriceCapUpdated(int256 priceCap);

  error CapLowerThanActualPrice();

  IPriceSource public immutable ASSET_TO_USD_AGGREGATOR;
  uint8 public immutable decimals;
  string public description;
  int256 public getPriceCap;

  constructor(IPriceSource source, int256 priceCap, string memory text) {
    ASSET_TO_USD_AGGREGATOR = source;
    decimals = source.decimals();
    description = text;
    setPriceCap(priceCap);
  }

  function setPriceCap(int256 priceCap) public {
    if (priceCap < ASSET_TO_USD_AGGREGATOR.latestAnswer()) revert CapLowerThanActualPrice();
    getPriceCap = priceCap;
    emit PriceCapUpdated(priceCap);
  }

  function isCapped() external view returns (bool) {
    return ASSET_TO_USD_AGGREGATOR.latestAnswer() > getPriceCap;
  }

  function latestAnswer() external view returns (int256) {
    int256 price = ASSET_TO_USD_AGGREGATOR.latestAnswer();
    return price > getPriceCap ? getPriceCap : price;
  }
}

/// Double of BGD Labs' EURPriceCapAdapterStable: the cap is a ratio to a second feed.
/// Leaves out access control: anyone sets the ratio.
contract EuroCapAdapter is IPriceSource {
  event PriceCapRatioUpdated(int256 priceCapRatio);

  error CapLowerThanActualPrice();

  IPriceSource public immutable ASSET_TO_USD_AGGREGATOR;
  IPriceSource public immutable BASE_TO_USD_AGGREGATOR;
  uint8 public immutable RATIO_DECIMALS;
  uint8 public immutable decimals;
  string public description = 'Capped EURC / EUR / USD';
  int256 public getPriceCapRatio;

  constructor(IPriceSource asset, IPriceSource base, uint8 ratioDecimals, int256 priceCapRatio) {
    ASSET_TO_USD_AGGREGATOR = asset;
    BASE_TO_USD_AGGREGATOR = base;
    RATIO_DECIMALS = ratioDecimals;
    decimals = asset.decimals();
    setPriceCapRatio(priceCapRatio);
  }

  function setPriceCapRatio(int256 priceCapRatio) public {
    getPriceCapRatio = priceCapRatio;
    if (isCapped()) revert CapLowerThanActualPrice();
    emit PriceCapRatioUpdated(priceCapRatio);
  }

  function isCapped() public view returns (bool) {
    return ASSET_TO_USD_AGGREGATOR.latestAnswer() > _cap();
  }

  function latestAnswer() external view returns (int256) {
    int256 price = ASSET_TO_USD_AGGREGATOR.latestAnswer();
    int256 highest = _cap();
    return price > highest ? highest : price;
  }

  function _cap() private view returns (int256) {
    return (BASE_TO_USD_AGGREGATOR.latestAnswer() * getPriceCapRatio) / int256(10 ** RATIO_DECIMALS);
  }
}
