// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Double of Chainlink's SVR DualAggregator: one proxy, the secondary, sees a report before its
/// cutoff only if it was sent by way of it. So the answer depends on who asks and when, and moves
/// without a log when a cutoff passes. Arithmetic as of accounting.md 1.9.
/// Leaves out signatures, payment and access: anyone reports, and names the secondary proxy.
contract DualAggregator {
  struct Transmission {
    int192 answer;
    uint32 recordedTimestamp;
  }

  event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);
  event NewRound(uint256 indexed roundId, address indexed startedBy, uint256 startedAt);
  event NewTransmission(
    uint32 indexed aggregatorRoundId,
    int192 answer,
    address transmitter,
    uint32 observationsTimestamp,
    int192[] observations,
    bytes observers,
    int192 juelsPerFeeCoin,
    bytes32 configDigest,
    uint40 epochAndRound
  );
  event SecondaryRoundIdUpdated(uint32 indexed secondaryRoundId);
  event PrimaryFeedUnlocked(uint32 indexed primaryRoundId);
  event CutoffTimeSet(uint32 cutoffTime);

  uint32 private constant MAX_SYNC_ITERATIONS = 20;

  uint8 public immutable decimals;
  string public description;
  uint256 public constant version = 6;
  address public secondaryProxy;
  uint32 public cutoffTime;

  Transmission[] private _rounds;
  uint32 private _secondaryRound;
  bool private _isLatestSecondary;

  constructor(uint8 decimals_, string memory text, uint32 cutoff, int192 answer) {
    decimals = decimals_;
    description = text;
    setCutoffTime(cutoff);
    _rounds.push(); // rounds count from 1
    _report(answer);
  }

  function setSecondaryProxy(address proxy) external {
    secondaryProxy = proxy;
  }

  function setCutoffTime(uint32 cutoff) public {
    cutoffTime = cutoff;
    emit CutoffTimeSet(cutoff);
  }

  /// A report sent to everybody but the secondary proxy, which waits for its cutoff.
  function transmit(int192 answer) external {
    _isLatestSecondary = false;
    _report(answer);
  }

  /// A report sent by way of the secondary: others see it from the next block on.
  function transmitSecondary(int192 answer) external {
    _secondaryRound = uint32(_rounds.length);
    _isLatestSecondary = true;
    emit SecondaryRoundIdUpdated(_secondaryRound);
    _report(answer);
  }

  /// The latest report, sent already, is sent again by way of the other side.
  function unlock() external {
    uint32 latest = _latest();
    if (_isLatestSecondary) {
      _isLatestSecondary = false;
      emit PrimaryFeedUnlocked(latest);
    } else {
      _secondaryRound = latest;
      emit SecondaryRoundIdUpdated(latest);
    }
  }

  function latestAnswer() external view returns (int256) {
    return _rounds[_round()].answer;
  }

  function latestTimestamp() external view returns (uint256) {
    return _rounds[_round()].recordedTimestamp;
  }

  function latestRound() external view returns (uint256) {
    return _round();
  }

  function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
    uint32 round = _round();
    Transmission memory told = _rounds[round];
    return (round, told.answer, told.recordedTimestamp, told.recordedTimestamp, round);
  }

  function _report(int192 answer) private {
    uint32 round = uint32(_rounds.length);
    uint32 time = uint32(block.timestamp);
    _rounds.push(Transmission(answer, time));
    emit NewTransmission(round, answer, msg.sender, time, new int192[](1), '', 0, 0, round);
    emit NewRound(round, address(0), time);
    emit AnswerUpdated(answer, round, time);
  }

  function _round() private view returns (uint32) {
    uint32 latest = _latest();
    if (msg.sender == secondaryProxy) return _secondary(latest);
    bool hidden = _isLatestSecondary && _rounds[latest].recordedTimestamp == block.timestamp;
    return hidden ? latest - 1 : latest;
  }

  function _secondary(uint32 latest) private view returns (uint32) {
    if (!_isPastCutoff(_secondaryRound)) return _secondaryRound;
    for (uint32 back = 0; back < MAX_SYNC_ITERATIONS && back < latest; back++) {
      uint32 round = latest - back;
      if (round == _secondaryRound || _isPastCutoff(round)) return round;
    }
    return _secondaryRound;
  }

  function _isPastCutoff(uint32 round) private view returns (bool) {
    return uint256(_rounds[round].recordedTimestamp) + cutoffTime < block.timestamp;
  }

  function _latest() private view returns (uint32) {
    return uint32(_rounds.length - 1);
  }
}
