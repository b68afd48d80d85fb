// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// A price source without an aggregator behind it, whose answer anyone may set, also to 0 or below.
contract FixedSource {
  uint8 public constant decimals = 8;
  int256 public latestAnswer;

  constructor(int256 answer) {
    latestAnswer = answer;
  }

  function set(int256 answer) external {
    latestAnswer = answer;
  }
}
