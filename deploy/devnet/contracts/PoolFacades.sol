// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IRouter, IToken} from './Seller.sol';
import {IStableToken, StableSwapDouble} from './StableSwapDouble.sol';

interface IPair {
  function token0() external view returns (address);
  function token1() external view returns (address);
  function getReserves() external view returns (uint112, uint112, uint32);
  function swap(uint256 amount0, uint256 amount1, address to, bytes calldata data) external;
}

/// Lets a pool of another family look like one of Uniswap V3 to what moves and reads pools here.
abstract contract PoolFacade {
  address public token0;
  address public token1;

  /// The square root of token1 per token0 after so much is put in.
  function _sqrtAfter(bool zeroForOne, uint256 amount) internal view virtual returns (uint160);

  /// Sells what lies here already; the proceeds come here.
  function _trade(bool zeroForOne, uint256 amount) internal virtual returns (uint256);

  function slot0()
    external
    view
    returns (uint160 sqrtPriceX96, int24, uint16, uint16, uint16, uint8, bool)
  {
    return (_sqrtAfter(true, 0), 0, 0, 0, 0, 0, true);
  }

  /// The least trade that reaches the limit, paid with tokens it mints.
  function swap(
    address,
    bool zeroForOne,
    int256,
    uint160 limit,
    bytes calldata
  ) external returns (int256, int256) {
    uint256 high = 1e6;
    while (!_isThere(zeroForOne, high, limit)) high *= 2;
    uint256 low = 0;
    while (high - low > 1) {
      uint256 middle = (low + high) / 2;
      if (_isThere(zeroForOne, middle, limit)) high = middle;
      else low = middle;
    }
    IStableToken(zeroForOne ? token0 : token1).mint(address(this), high);
    _trade(zeroForOne, high);
    return (0, 0);
  }

  function sell(address token, uint256 amount, address to) external returns (uint256 proceeds) {
    bool zeroForOne = token == token0;
    proceeds = _trade(zeroForOne, amount);
    IStableToken(zeroForOne ? token1 : token0).transfer(to, proceeds);
  }

  function _isThere(bool zeroForOne, uint256 amount, uint160 limit) private view returns (bool) {
    uint160 reached = _sqrtAfter(zeroForOne, amount);
    return zeroForOne ? reached <= limit : reached >= limit;
  }

  function _root(uint256 priceQ128) internal pure returns (uint160) {
    uint256 root = priceQ128;
    uint256 next = priceQ128 / 2 + 1;
    while (next < root) (root, next) = (next, (priceQ128 / next + next) / 2);
    return uint160(root << 32);
  }
}

contract PairFacade is PoolFacade {
  IPair private immutable pair;

  constructor(IPair pair_) {
    pair = pair_;
    (token0, token1) = (pair_.token0(), pair_.token1());
  }

  function _sqrtAfter(bool zeroForOne, uint256 amount) internal view override returns (uint160) {
    (uint256 reserve0, uint256 reserve1, ) = pair.getReserves();
    if (zeroForOne) {
      reserve1 -= _out(amount, reserve0, reserve1);
      reserve0 += amount;
    } else {
      reserve0 -= _out(amount, reserve1, reserve0);
      reserve1 += amount;
    }
    return _root((reserve1 << 128) / reserve0);
  }

  function _trade(bool zeroForOne, uint256 amount) internal override returns (uint256 proceeds) {
    (uint256 reserve0, uint256 reserve1, ) = pair.getReserves();
    IStableToken(zeroForOne ? token0 : token1).transfer(address(pair), amount);
    proceeds = zeroForOne ? _out(amount, reserve0, reserve1) : _out(amount, reserve1, reserve0);
    pair.swap(zeroForOne ? 0 : proceeds, zeroForOne ? proceeds : 0, address(this), '');
  }

  /// UniswapV2Library.getAmountOut.
  function _out(uint256 amount, uint256 held, uint256 paid) private pure returns (uint256) {
    return (amount * 997 * paid) / (held * 1000 + amount * 997);
  }
}

contract StableSwapFacade is PoolFacade {
  StableSwapDouble private immutable pool;

  constructor(StableSwapDouble pool_) {
    pool = pool_;
    (token0, token1) = (pool_.coins(0), pool_.coins(1));
  }

  function _sqrtAfter(bool zeroForOne, uint256 amount) internal view override returns (uint160) {
    (uint256 i, uint256 j) = zeroForOne ? (0, 1) : (1, 0);
    return _root(pool.peek(i, j, amount));
  }

  function _trade(bool zeroForOne, uint256 amount) internal override returns (uint256) {
    IToken(zeroForOne ? token0 : token1).approve(address(pool), amount);
    return pool.exchange(zeroForOne ? int128(0) : int128(1), zeroForOne ? int128(1) : int128(0), amount, 0);
  }
}

/// Sells along a path as Uniswap V3's router does, over pools of every family.
contract FamilyRouter {
  address private immutable router;
  mapping(address => mapping(address => PoolFacade)) private facades;

  constructor(address router_) {
    router = router_;
  }

  function add(PoolFacade facade) external {
    facades[facade.token0()][facade.token1()] = facade;
    facades[facade.token1()][facade.token0()] = facade;
  }

  function exactInput(IRouter.ExactInputParams calldata params) external returns (uint256 amount) {
    amount = params.amountIn;
    bytes calldata path = params.path;
    IStableToken(address(bytes20(path[:20]))).transferFrom(msg.sender, address(this), amount);
    for (; path.length > 20; path = path[23:]) {
      amount = _hop(path[:43], amount, path.length == 43 ? params.recipient : address(this));
    }
    require(amount >= params.amountOutMinimum);
  }

  function _hop(bytes calldata hop, uint256 amount, address to) private returns (uint256) {
    address token = address(bytes20(hop[:20]));
    PoolFacade facade = facades[token][address(bytes20(hop[23:]))];
    if (address(facade) != address(0)) {
      IStableToken(token).transfer(address(facade), amount);
      return facade.sell(token, amount, to);
    }
    IToken(token).approve(router, amount);
    return IRouter(router).exactInput(IRouter.ExactInputParams(hop, to, block.timestamp, amount, 0));
  }
}
