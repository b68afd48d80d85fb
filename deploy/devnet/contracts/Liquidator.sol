// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

interface IToken {
  function balanceOf(address account) external view returns (uint256);
  function allowance(address owner, address spender) external view returns (uint256);
  function approve(address spender, uint256 amount) external returns (bool);
}

interface IPool {
  function liquidationCall(
    address collateralAsset,
    address debtAsset,
    address borrower,
    uint256 debtToCover,
    bool receiveAToken
  ) external;
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

/// Repays somebody's debt out of its own holdings and sells the seized collateral at once.
/// Calling it with eth_call is the preview of doing it. No access control: for the local chain.
contract Liquidator {
  /// @param path Uniswap V3 path from collateral to debt; unused when they are the same asset
  /// @return repaid debt tokens the pool took
  /// @return received collateral tokens the pool gave
  /// @return proceeds debt tokens the collateral was sold for
  function liquidate(
    address pool,
    address collateral,
    address debt,
    address user,
    uint256 debtToCover,
    bytes calldata path,
    address router
  ) external returns (uint256 repaid, uint256 received, uint256 proceeds) {
    uint256 held = IToken(debt).balanceOf(address(this));
    uint256 before = IToken(collateral).balanceOf(address(this));
    // What the pool took is read from the allowance: balances mix both flows when the two assets
    // are the same. An approval of exactly the holdings is never "infinite", so it is consumed.
    IToken(debt).approve(pool, held);
    IPool(pool).liquidationCall(collateral, debt, user, debtToCover, false);
    repaid = held - IToken(debt).allowance(address(this), pool);
    IToken(debt).approve(pool, 0);

    received = IToken(collateral).balanceOf(address(this)) - before;
    if (collateral == debt) {
      received += repaid;
      proceeds = received;
    } else {
      proceeds = _sell(collateral, received, path, router);
    }
  }

  function _sell(
    address token,
    uint256 amount,
    bytes calldata path,
    address router
  ) private returns (uint256) {
    if (amount == 0) return 0;
    IToken(token).approve(router, amount);
    return
      IRouter(router).exactInput(
        IRouter.ExactInputParams(path, address(this), block.timestamp, amount, 0)
      );
  }
}
