// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// What the adapters read of the source they are built on, and are themselves.
interface IPriceSource {
  function latestAnswer() external view returns (int256);
  function decimals() external view returns (uint8);
}
