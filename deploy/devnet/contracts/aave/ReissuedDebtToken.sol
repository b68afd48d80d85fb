// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {VariableDebtToken} from '@aave-dao/aave-v3-origin/src/contracts/protocol/tokenization/VariableDebtToken.sol';
import {IPool} from '@aave-dao/aave-v3-origin/src/contracts/interfaces/IPool.sol';

/// Aave's own debt token to upgrade to: see ReissuedAToken.
contract ReissuedDebtToken is VariableDebtToken {
  uint256 public immutable DEBT_TOKEN_REVISION;

  constructor(IPool pool, address rewards, uint256 revision) VariableDebtToken(pool, rewards) {
    DEBT_TOKEN_REVISION = revision;
  }

  function initialize(
    IPool,
    address,
    uint8,
    string memory,
    string memory,
    bytes calldata
  ) external override {}

  function getRevision() internal pure override returns (uint256) {
    return type(uint256).max;
  }
}
