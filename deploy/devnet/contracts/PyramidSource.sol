// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// A price source that passes for a composed oracle and names the next one four times: behind eight
/// of them stand 65,536 ways. Double of no contract.
contract PyramidSource {
  uint256 public constant SCALE_FACTOR = 1;
  address public constant BASE_VAULT = address(0);
  uint256 public constant BASE_VAULT_CONVERSION_SAMPLE = 1;
  address public constant QUOTE_VAULT = address(0);
  uint256 public constant QUOTE_VAULT_CONVERSION_SAMPLE = 1;
  address public immutable BASE_FEED_1;
  address public immutable BASE_FEED_2;
  address public immutable QUOTE_FEED_1;
  address public immutable QUOTE_FEED_2;
  uint8 public constant decimals = 8;

  constructor(address next) {
    (BASE_FEED_1, BASE_FEED_2, QUOTE_FEED_1, QUOTE_FEED_2) = (next, next, next, next);
  }

  function price() external pure returns (uint256) {
    return 1;
  }

  function latestAnswer() external pure returns (int256) {
    return 1;
  }

  function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
    return (1, 1, block.timestamp, block.timestamp, 1);
  }
}
