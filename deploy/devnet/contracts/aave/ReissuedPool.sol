// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IPoolAddressesProvider} from '@aave-dao/aave-v3-origin/src/contracts/interfaces/IPoolAddressesProvider.sol';
import {IReserveInterestRateStrategy} from '@aave-dao/aave-v3-origin/src/contracts/interfaces/IReserveInterestRateStrategy.sol';
import {Pool} from '@aave-dao/aave-v3-origin/src/contracts/protocol/pool/Pool.sol';

/// Aave's own pool to upgrade to: see ReissuedAToken.
contract ReissuedPool is Pool {
  uint256 public immutable POOL_REVISION;

  constructor(
    IPoolAddressesProvider provider,
    IReserveInterestRateStrategy rates,
    uint256 revision
  ) Pool(provider, rates) {
    POOL_REVISION = revision;
  }

  function initialize(IPoolAddressesProvider) external override {}

  function getRevision() internal pure override returns (uint256) {
    return type(uint256).max;
  }
}
