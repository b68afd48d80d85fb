// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// A price source that means harm, whatever it is asked: anyone can point a market at one.
/// Double of no contract.
contract HostileSource {
  enum Mode {
    Answers,
    BurnsGas,
    AnswersShort,
    AnswersLong,
    RevertsLong,
    NamesItself
  }

  uint256 private constant LONG = 500_000;

  Mode private _mode;
  uint256 private _answer;

  constructor(uint256 answer) {
    _answer = answer;
  }

  function behave(Mode mode, uint256 answer) external {
    (_mode, _answer) = (mode, answer);
  }

  fallback() external {
    Mode mode = _mode;
    uint256 answer = mode == Mode.NamesItself ? uint160(address(this)) : _answer;
    if (mode == Mode.BurnsGas) {
      uint256 burnt;
      while (gasleft() > 0) burnt++;
    }
    uint256 size = mode == Mode.AnswersShort ? 5 : 32;
    if (mode == Mode.AnswersLong || mode == Mode.RevertsLong) size = LONG;
    assembly ('memory-safe') {
      mstore(0, answer)
      if eq(mode, 4) {
        revert(0, size)
      }
      return(0, size)
    }
  }
}
