// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IPriceSource} from './PriceSource.sol';

interface IPooledEther {
  function getPooledEthByShares(uint256 shares) external view returns (uint256);
}

interface IVaultRate {
  function convertToAssets(uint256 shares) external view returns (uint256);
}

/// Double of BGD Labs' PriceCapAdapterBase ("CAPO"): a base price times an exchange ratio, the
/// ratio held under a line that rises from a snapshot. Arithmetic as of accounting.md 1.9.
/// Leaves out access control (anyone sets the parameters) and the bounds on ratio decimals.
abstract contract PriceCapAdapter is IPriceSource {
  struct PriceCapUpdateParams {
    uint104 snapshotRatio;
    uint48 snapshotTimestamp;
    uint16 maxYearlyRatioGrowthPercent;
  }

  event CapParametersUpdated(
    uint256 snapshotRatio,
    uint256 snapshotTimestamp,
    uint256 maxRatioGrowthPerSecond,
    uint16 maxYearlyRatioGrowthPercent
  );

  error SnapshotRatioIsZero();
  error InvalidRatioTimestamp(uint48 timestamp);

  uint256 public constant PERCENTAGE_FACTOR = 1e4;
  uint256 public constant SCALING_FACTOR = 1e6;
  uint256 public constant SECONDS_PER_YEAR = 365 days;
  uint48 public constant MAXIMUM_SNAPSHOT_TERM = 180 days;

  IPriceSource public immutable BASE_TO_USD_AGGREGATOR;
  address public immutable RATIO_PROVIDER;
  uint8 public immutable DECIMALS;
  uint8 public immutable RATIO_DECIMALS;
  uint48 public immutable MINIMUM_SNAPSHOT_DELAY;

  string public description;

  PriceCapUpdateParams private _cap;
  uint104 private _growthScaled;

  constructor(
    IPriceSource base,
    address ratioProvider,
    uint8 ratioDecimals,
    uint48 minimumSnapshotDelay,
    string memory text
  ) {
    BASE_TO_USD_AGGREGATOR = base;
    RATIO_PROVIDER = ratioProvider;
    DECIMALS = base.decimals();
    RATIO_DECIMALS = ratioDecimals;
    MINIMUM_SNAPSHOT_DELAY = minimumSnapshotDelay;
    description = text;
  }

  function getRatio() public view virtual returns (int256);

  function setCapParameters(PriceCapUpdateParams memory cap) public {
    uint48 taken = cap.snapshotTimestamp;
    if (cap.snapshotRatio == 0) revert SnapshotRatioIsZero();
    if (
      taken <= _cap.snapshotTimestamp ||
      taken > block.timestamp - MINIMUM_SNAPSHOT_DELAY ||
      taken < block.timestamp - MAXIMUM_SNAPSHOT_TERM
    ) revert InvalidRatioTimestamp(taken);
    uint256 yearly = uint256(cap.snapshotRatio) * cap.maxYearlyRatioGrowthPercent;
    _cap = cap;
    _growthScaled = uint104((yearly * SCALING_FACTOR) / PERCENTAGE_FACTOR / SECONDS_PER_YEAR);
    emit CapParametersUpdated(
      cap.snapshotRatio,
      taken,
      _growthScaled / SCALING_FACTOR,
      cap.maxYearlyRatioGrowthPercent
    );
  }

  function latestAnswer() external view returns (int256) {
    int256 base = BASE_TO_USD_AGGREGATOR.latestAnswer();
    int256 ratio = getRatio();
    if (base <= 0 || ratio <= 0) return 0;
    int256 highest = _maxRatio();
    return (base * (ratio < highest ? ratio : highest)) / int256(10 ** RATIO_DECIMALS);
  }

  function isCapped() external view returns (bool) {
    return getRatio() > _maxRatio();
  }

  function decimals() external view returns (uint8) {
    return DECIMALS;
  }

  function getSnapshotRatio() external view returns (uint256) {
    return _cap.snapshotRatio;
  }

  function getSnapshotTimestamp() external view returns (uint256) {
    return _cap.snapshotTimestamp;
  }

  function getMaxYearlyGrowthRatePercent() external view returns (uint256) {
    return _cap.maxYearlyRatioGrowthPercent;
  }

  function getMaxRatioGrowthPerSecond() external view returns (uint256) {
    return _growthScaled / SCALING_FACTOR;
  }

  function getMaxRatioGrowthPerSecondScaled() external view returns (uint256) {
    return _growthScaled;
  }

  function _maxRatio() private view returns (int256) {
    uint256 elapsed = block.timestamp - _cap.snapshotTimestamp;
    return int256(_cap.snapshotRatio + (uint256(_growthScaled) * elapsed) / SCALING_FACTOR);
  }
}

/// Double of WstETHPriceCapAdapter: the ratio is stETH's.
contract WstEthPriceCapAdapter is PriceCapAdapter {
  constructor(
    IPriceSource base,
    address stakedEther,
    uint48 minimumSnapshotDelay
  ) PriceCapAdapter(base, stakedEther, 18, minimumSnapshotDelay, 'Capped wstETH / stETH(ETH) / USD') {}

  function getRatio() public view override returns (int256) {
    return int256(IPooledEther(RATIO_PROVIDER).getPooledEthByShares(10 ** RATIO_DECIMALS));
  }
}

/// Double of the adapters over ERC-4626 vaults (sUSDe's, sUSDS's): the ratio is a share's assets.
contract VaultPriceCapAdapter is PriceCapAdapter {
  constructor(
    IPriceSource base,
    address vault,
    uint8 ratioDecimals,
    uint48 minimumSnapshotDelay
  ) PriceCapAdapter(base, vault, ratioDecimals, minimumSnapshotDelay, 'Capped vault / USD') {}

  function getRatio() public view override returns (int256) {
    return int256(IVaultRate(RATIO_PROVIDER).convertToAssets(10 ** RATIO_DECIMALS));
  }
}

/// Double of CLRatePriceCapAdapter: the ratio is itself a price feed.
contract CLRatePriceCapAdapter is PriceCapAdapter {
  constructor(
    IPriceSource base,
    IPriceSource ratio,
    uint48 minimumSnapshotDelay
  )
    PriceCapAdapter(base, address(ratio), ratio.decimals(), minimumSnapshotDelay, 'Capped rate / USD')
  {}

  function getRatio() public view override returns (int256) {
    return IPriceSource(RATIO_PROVIDER).latestAnswer();
  }
}
