// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

interface IFluxAggregator {
  function latestRound() external view returns (uint256);
  function submit(uint256 roundId, int256 answer) external;
}

/// The single oracle node of every feed. It looks the round up on chain, so that an answer can be
/// prepared without reading anything first, and stays valid across a reorg.
contract FeedReporter {
  function report(IFluxAggregator aggregator, int256 answer) external {
    aggregator.submit(aggregator.latestRound() + 1, answer);
  }
}
