// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// A price source that fails on every read.
contract RevertingSource {
  error SourceBroken();

  uint8 public constant decimals = 8;

  function latestAnswer() external pure returns (int256) {
    revert SourceBroken();
  }
}
