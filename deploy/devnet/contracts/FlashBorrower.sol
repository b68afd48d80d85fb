// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

interface IMorphoFlashLoan {
  function flashLoan(address token, uint256 assets, bytes calldata data) external;
}

interface IApprovable {
  function approve(address spender, uint256 amount) external returns (bool);
}

/// Takes flash loans from Morpho Blue and does what it is told while one is out. The loan is paid
/// back from what is here, so whatever the calls spend must have come back.
contract FlashBorrower {
  struct Call {
    address to;
    bytes data;
  }

  function borrow(
    IMorphoFlashLoan morpho,
    address token,
    uint256 assets,
    Call[] calldata calls
  ) external {
    morpho.flashLoan(token, assets, abi.encode(token, calls));
  }

  function onMorphoFlashLoan(uint256 assets, bytes calldata data) external {
    (address token, Call[] memory calls) = abi.decode(data, (address, Call[]));
    for (uint256 i = 0; i < calls.length; i++) {
      (bool succeeded, bytes memory answer) = calls[i].to.call(calls[i].data);
      if (!succeeded) {
        assembly {
          revert(add(answer, 32), mload(answer))
        }
      }
    }
    IApprovable(token).approve(msg.sender, assets);
  }
}
