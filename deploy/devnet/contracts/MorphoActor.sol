// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// An account on Morpho Blue that does several things in one transaction, as bundlers do, and goes
/// on inside Morpho's callbacks: what was called is in the contract's books by then, but its tokens
/// have not moved yet.
contract MorphoActor {
  struct Call {
    address to;
    bytes data;
  }

  function run(Call[] memory calls) public {
    for (uint256 i = 0; i < calls.length; i++) {
      (bool succeeded, bytes memory answer) = calls[i].to.call(calls[i].data);
      if (!succeeded) {
        assembly {
          revert(add(answer, 32), mload(answer))
        }
      }
    }
  }

  function onMorphoFlashLoan(uint256, bytes calldata data) external {
    run(abi.decode(data, (Call[])));
  }

  function onMorphoSupply(uint256, bytes calldata data) external {
    run(abi.decode(data, (Call[])));
  }

  function onMorphoSupplyCollateral(uint256, bytes calldata data) external {
    run(abi.decode(data, (Call[])));
  }

  function onMorphoRepay(uint256, bytes calldata data) external {
    run(abi.decode(data, (Call[])));
  }

  function onMorphoLiquidate(uint256, bytes calldata data) external {
    run(abi.decode(data, (Call[])));
  }
}
