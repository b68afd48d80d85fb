// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Stands in for an aggregator behind Chainlink's proxy, to answer what a healthy one never would:
/// zero, negative, absurd, of long ago, or nothing at all. Leaves out rounds and access control.
contract SickAggregator {
  event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

  error AggregatorBroken();

  uint8 public immutable decimals;
  string public description;
  uint256 public constant version = 4;
  bool public broken;

  int256 private _answer;
  uint80 private _round;
  uint256 private _updatedAt;

  /// The description may be no UTF-8 at all.
  constructor(uint8 decimals_, bytes memory text, int256 answer) {
    decimals = decimals_;
    description = string(text);
    setAnswer(answer, block.timestamp);
  }

  function setAnswer(int256 answer, uint256 updatedAt) public {
    (_answer, _updatedAt) = (answer, updatedAt);
    emit AnswerUpdated(answer, ++_round, updatedAt);
  }

  function setBroken(bool now_) external {
    broken = now_;
  }

  function latestAnswer() external view returns (int256) {
    _check();
    return _answer;
  }

  function latestTimestamp() external view returns (uint256) {
    _check();
    return _updatedAt;
  }

  function latestRound() external view returns (uint256) {
    _check();
    return _round;
  }

  function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
    _check();
    return (_round, _answer, _updatedAt, _updatedAt, _round);
  }

  function _check() private view {
    if (broken) revert AggregatorBroken();
  }
}
