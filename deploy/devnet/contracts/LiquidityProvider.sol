// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

interface IMintable {
  function mint(address account, uint256 amount) external returns (bool);
}

interface IUniswapPool {
  function token0() external view returns (address);
  function token1() external view returns (address);
  function mint(
    address recipient,
    int24 tickLower,
    int24 tickUpper,
    uint128 amount,
    bytes calldata data
  ) external returns (uint256 amount0, uint256 amount1);
  function burn(
    int24 tickLower,
    int24 tickUpper,
    uint128 amount
  ) external returns (uint256 amount0, uint256 amount1);
}

/// Adds liquidity to pools between any two ticks and takes it away again. It pays with tokens it
/// mints, so the pool must hold the local chain's mintable tokens.
contract LiquidityProvider {
  function add(IUniswapPool pool, int24 lower, int24 upper, uint128 liquidity) external {
    pool.mint(address(this), lower, upper, liquidity, '');
  }

  /// With a liquidity of 0 the pool only settles fees, and still logs a Burn.
  function remove(IUniswapPool pool, int24 lower, int24 upper, uint128 liquidity) external {
    pool.burn(lower, upper, liquidity);
  }

  function uniswapV3MintCallback(uint256 amount0, uint256 amount1, bytes calldata) external {
    IUniswapPool pool = IUniswapPool(msg.sender);
    if (amount0 > 0) IMintable(pool.token0()).mint(msg.sender, amount0);
    if (amount1 > 0) IMintable(pool.token1()).mint(msg.sender, amount1);
  }
}
