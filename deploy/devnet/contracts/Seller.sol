// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

interface IToken {
  function balanceOf(address account) external view returns (uint256);
  function allowance(address owner, address spender) external view returns (uint256);
  function approve(address spender, uint256 amount) external returns (bool);
}

interface IRouter {
  struct ExactInputParams {
    bytes path;
    address recipient;
    uint256 deadline;
    uint256 amountIn;
    uint256 amountOutMinimum;
  }

  function exactInput(ExactInputParams calldata params) external returns (uint256 amountOut);
}

/// Sells what it seized through Uniswap V3, at whatever price the pools give.
abstract contract Seller {
  error DoesNotPay();

  // The protocol's maximum, a half, a quarter and an eighth of it.
  uint256 internal constant RUNGS = 4;

  function _sell(
    address token,
    uint256 amount,
    bytes calldata path,
    address router
  ) internal returns (uint256) {
    if (amount == 0) return 0;
    IToken(token).approve(router, amount);
    return
      IRouter(router).exactInput(
        IRouter.ExactInputParams(path, address(this), block.timestamp, amount, 0)
      );
  }
}
