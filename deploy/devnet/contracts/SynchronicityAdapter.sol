// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IPriceSource} from './PriceSource.sol';

/// Double of BGD Labs' CLSynchronicityPriceAdapterPegToBase: asset to peg times peg to base, both
/// feeds, as WBTC / BTC times BTC / USD. Leaves out the bounds on decimals.
contract SynchronicityAdapter is IPriceSource {
  IPriceSource public immutable PEG_TO_BASE;
  IPriceSource public immutable ASSET_TO_PEG;
  uint8 public immutable DECIMALS;
  int256 public immutable DENOMINATOR;
  string public description;

  constructor(IPriceSource pegToBase, IPriceSource assetToPeg, uint8 decimals_, string memory text) {
    PEG_TO_BASE = pegToBase;
    ASSET_TO_PEG = assetToPeg;
    DECIMALS = decimals_;
    DENOMINATOR = int256(10 ** (uint256(pegToBase.decimals()) + assetToPeg.decimals()));
    description = text;
  }

  function decimals() external view returns (uint8) {
    return DECIMALS;
  }

  function latestAnswer() external view returns (int256) {
    int256 asset = ASSET_TO_PEG.latestAnswer();
    int256 peg = PEG_TO_BASE.latestAnswer();
    if (asset <= 0 || peg <= 0) return 0;
    return (asset * peg * int256(10 ** DECIMALS)) / DENOMINATOR;
  }
}
