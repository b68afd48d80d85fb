// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IPool} from '@aave-dao/aave-v3-origin/src/contracts/interfaces/IPool.sol';
import {WrappedTokenGatewayV3} from '@aave-dao/aave-v3-origin/src/contracts/helpers/WrappedTokenGatewayV3.sol';

/// Aave's gateway for native coins, unchanged: what is imported is not deployed by itself.
contract NativeGateway is WrappedTokenGatewayV3 {
  constructor(address weth, address owner, IPool pool) WrappedTokenGatewayV3(weth, owner, pool) {}
}
