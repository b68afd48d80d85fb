// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// A double of Maker's DSProxy (dapphub/ds-proxy), to its public ABI: an account that runs code of
/// others as itself. Left out: the cache of code and running what is not deployed, notes, and the
/// authority that may act beside the owner. Its code hash is that of this build, not of Maker's.
contract DSProxy {
  event LogSetOwner(address indexed owner);

  address public authority;
  address public owner;

  constructor() {
    owner = msg.sender;
    emit LogSetOwner(msg.sender);
  }

  receive() external payable {}

  modifier auth() {
    require(msg.sender == owner || msg.sender == address(this), 'ds-auth-unauthorized');
    _;
  }

  function setOwner(address owner_) external auth {
    owner = owner_;
    emit LogSetOwner(owner_);
  }

  function execute(address target, bytes memory data) external payable auth returns (bytes32 response) {
    require(target != address(0), 'ds-proxy-target-address-required');
    (bool succeeded, bytes memory answer) = target.delegatecall(data);
    if (!succeeded) {
      assembly {
        revert(add(answer, 32), mload(answer))
      }
    }
    if (answer.length >= 32) {
      response = abi.decode(answer, (bytes32));
    }
  }
}
