// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// A rate model for Morpho Blue that nobody else has: one rate for every market, which anyone may
/// set, and which can be made to revert. It logs nothing.
contract RateModel {
  struct MarketParams {
    address loanToken;
    address collateralToken;
    address oracle;
    address irm;
    uint256 lltv;
  }

  struct Market {
    uint128 totalSupplyAssets;
    uint128 totalSupplyShares;
    uint128 totalBorrowAssets;
    uint128 totalBorrowShares;
    uint128 lastUpdate;
    uint128 fee;
  }

  error RateModelBroken();

  uint256 public rateWad; // per second
  bool public broken;

  constructor(uint256 rateWad_) {
    rateWad = rateWad_;
  }

  function set(uint256 rateWad_) external {
    rateWad = rateWad_;
  }

  function setBroken(bool now_) external {
    broken = now_;
  }

  function borrowRate(MarketParams memory params, Market memory market) external view returns (uint256) {
    return borrowRateView(params, market);
  }

  function borrowRateView(MarketParams memory, Market memory) public view returns (uint256) {
    if (broken) revert RateModelBroken();
    return rateWad;
  }
}
