// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

interface IStableToken {
  function transfer(address to, uint256 amount) external returns (bool);
  function transferFrom(address from, address to, uint256 amount) external returns (bool);
  function mint(address account, uint256 amount) external returns (bool);
}

/// A double of Curve's plain pool: written by us to its public ABI and formulas, since no registry
/// has its code. It lacks deposits, shares, admin's actions and ramps of A.
/// `peek` and `leave` are ours: what a trade would leave, and a withdrawal of a part of everything.
contract StableSwapDouble {
  uint256 private constant FEE_DENOMINATOR = 1e10;
  uint256 private constant A_PRECISION = 100;
  uint256 public constant admin_fee = 5e9;

  address[] public coins;
  uint256[] public balances;
  uint256[] private rates;
  bool private immutable tellsRates;
  uint256 public immutable A_precise;
  uint256 public immutable fee;

  constructor(
    address[] memory coins_,
    uint256[] memory rates_,
    bool tellsRates_,
    uint256 amplification,
    uint256 fee_
  ) {
    (coins, rates, tellsRates) = (coins_, rates_, tellsRates_);
    balances = new uint256[](coins_.length);
    (A_precise, fee) = (amplification * A_PRECISION, fee_);
  }

  /// Mints what it holds from then on.
  function seed(uint256[] calldata amounts) external {
    for (uint256 i = 0; i < amounts.length; i++) {
      IStableToken(coins[i]).mint(address(this), amounts[i]);
      balances[i] += amounts[i];
    }
  }

  function leave(uint256 partWad) external {
    for (uint256 i = 0; i < coins.length; i++) {
      uint256 leaving = (balances[i] * partWad) / 1e18;
      balances[i] -= leaving;
      IStableToken(coins[i]).transfer(msg.sender, leaving);
    }
  }

  function A() external view returns (uint256) {
    return A_precise / A_PRECISION;
  }

  function stored_rates() external view returns (uint256[] memory) {
    require(tellsRates);
    return rates;
  }

  function get_dy(int128 i, int128 j, uint256 dx) external view returns (uint256 dy) {
    (dy, ) = _trade(uint128(i), uint128(j), dx);
  }

  function exchange(int128 i, int128 j, uint256 dx, uint256 least) external returns (uint256 dy) {
    uint256 left;
    (dy, left) = _trade(uint128(i), uint128(j), dx);
    require(dy >= least);
    balances[uint128(i)] += dx;
    balances[uint128(j)] = left;
    IStableToken(coins[uint128(i)]).transferFrom(msg.sender, address(this), dx);
    IStableToken(coins[uint128(j)]).transfer(msg.sender, dy);
  }

  /// The price of coin 0 in coin 1 at the margin after a trade: raw units, in Q128.
  function peek(uint256 i, uint256 j, uint256 dx) external view returns (uint256) {
    uint256[] memory held = balances;
    if (dx > 0) {
      (, uint256 left) = _trade(i, j, dx);
      (held[i], held[j]) = (held[i] + dx, left);
    }
    uint256[] memory xp = _scaled(held);
    uint256 d = _invariant(xp);
    uint256 pull = d;
    for (uint256 k = 0; k < xp.length; k++) pull = (pull * d) / (xp[k] * xp.length);
    uint256 strength = (A_precise * xp.length * 1e24) / A_PRECISION;
    uint256 worth0 = strength + (pull * 1e24) / xp[0];
    uint256 worth1 = strength + (pull * 1e24) / xp[1];
    uint256 price = (worth0 * 1e18) / worth1;
    return (((price * rates[0]) << 64) / rates[1] << 64) / 1e18;
  }

  function _scaled(uint256[] memory held) private view returns (uint256[] memory xp) {
    xp = new uint256[](held.length);
    for (uint256 k = 0; k < held.length; k++) xp[k] = (held[k] * rates[k]) / 1e18;
  }

  function _trade(
    uint256 i,
    uint256 j,
    uint256 dx
  ) private view returns (uint256 dy, uint256 left) {
    uint256[] memory xp = _scaled(balances);
    uint256 gross = xp[j] - _y(i, j, xp[i] + (dx * rates[i]) / 1e18, xp) - 1;
    uint256 taken = (gross * fee) / FEE_DENOMINATOR;
    dy = ((gross - taken) * 1e18) / rates[j];
    uint256 leaves = (((taken * admin_fee) / FEE_DENOMINATOR) * 1e18) / rates[j];
    left = balances[j] - dy - leaves;
  }

  function _invariant(uint256[] memory xp) private view returns (uint256 d) {
    uint256 n = xp.length;
    uint256 sum;
    for (uint256 k = 0; k < n; k++) sum += xp[k];
    d = sum;
    uint256 ann = A_precise * n;
    for (uint256 step = 0; step < 255; step++) {
      uint256 product = d;
      for (uint256 k = 0; k < n; k++) product = (product * d) / (xp[k] * n);
      uint256 before = d;
      d =
        (((ann * sum) / A_PRECISION + product * n) * d) /
        (((ann - A_PRECISION) * d) / A_PRECISION + (n + 1) * product);
      if (d > before ? d - before <= 1 : before - d <= 1) return d;
    }
  }

  function _y(
    uint256 i,
    uint256 j,
    uint256 x,
    uint256[] memory xp
  ) private view returns (uint256 y) {
    uint256 n = xp.length;
    uint256 d = _invariant(xp);
    uint256 ann = A_precise * n;
    uint256 c = d;
    uint256 sum;
    for (uint256 k = 0; k < n; k++) {
      if (k == j) continue;
      uint256 held = k == i ? x : xp[k];
      sum += held;
      c = (c * d) / (held * n);
    }
    c = (c * d * A_PRECISION) / (ann * n);
    uint256 b = sum + (d * A_PRECISION) / ann;
    y = d;
    for (uint256 step = 0; step < 255; step++) {
      uint256 before = y;
      y = (y * y + c) / (2 * y + b - d);
      if (y > before ? y - before <= 1 : before - y <= 1) return y;
    }
  }
}
