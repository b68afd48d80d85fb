// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// An account on Aave that does several things in one transaction, and goes on while a flash loan
/// is out, from inside the pool's callback.
contract FlashActor {
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

  /// Of flashLoanSimple. Pays back from what it then has and has approved to the pool.
  function executeOperation(
    address,
    uint256,
    uint256,
    address,
    bytes calldata data
  ) external returns (bool) {
    run(abi.decode(data, (Call[])));
    return true;
  }

  /// Of flashLoan.
  function executeOperation(
    address[] calldata,
    uint256[] calldata,
    uint256[] calldata,
    address,
    bytes calldata data
  ) external returns (bool) {
    run(abi.decode(data, (Call[])));
    return true;
  }
}
