// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {AToken} from '@aave-dao/aave-v3-origin/src/contracts/protocol/tokenization/AToken.sol';
import {IPool} from '@aave-dao/aave-v3-origin/src/contracts/interfaces/IPool.sol';

/// Aave's own aToken to upgrade to, any number of times: the same code under the revision it is
/// told. `initialize` leaves alone what the proxy holds already.
contract ReissuedAToken is AToken {
  uint256 public immutable ATOKEN_REVISION;

  constructor(
    IPool pool,
    address rewards,
    address treasury,
    uint256 revision
  ) AToken(pool, rewards, treasury) {
    ATOKEN_REVISION = revision;
  }

  function initialize(
    IPool,
    address,
    uint8,
    string calldata,
    string calldata,
    bytes calldata
  ) public override {}

  function getRevision() internal pure override returns (uint256) {
    return type(uint256).max;
  }
}
