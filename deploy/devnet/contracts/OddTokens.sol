// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// A token without manners, mintable by anyone: what all odd tokens share. Doubles of no contract.
abstract contract BareToken {
  event Transfer(address indexed from, address indexed to, uint256 value);

  uint256 public totalSupply;
  mapping(address => uint256) public balanceOf;
  mapping(address => mapping(address => uint256)) public allowance;

  function mint(address to, uint256 amount) external returns (bool) {
    totalSupply += amount;
    balanceOf[to] += amount;
    emit Transfer(address(0), to, amount);
    return true;
  }

  function approve(address spender, uint256 amount) external returns (bool) {
    allowance[msg.sender][spender] = amount;
    return true;
  }

  function transfer(address to, uint256 amount) external returns (bool) {
    _move(msg.sender, to, amount);
    return true;
  }

  function transferFrom(address from, address to, uint256 amount) external returns (bool) {
    allowance[from][msg.sender] -= amount;
    _move(from, to, amount);
    return true;
  }

  function _move(address from, address to, uint256 amount) internal virtual {
    balanceOf[from] -= amount;
    balanceOf[to] += amount;
    emit Transfer(from, to, amount);
  }
}

/// Any decimals, and any bytes for a symbol: not UTF-8, 10 kB long, or another token's.
contract OddToken is BareToken {
  uint8 public immutable decimals;
  bytes private _symbol;

  constructor(bytes memory rawSymbol, uint8 decimals_) {
    decimals = decimals_;
    _symbol = rawSymbol;
  }

  function symbol() external view returns (string memory) {
    return string(_symbol);
  }
}

/// The symbol is a word, as MKR's and SAI's are.
contract WordSymbolToken is BareToken {
  uint8 public constant decimals = 18;
  bytes32 public immutable symbol;

  constructor(bytes32 word) {
    symbol = word;
  }
}

/// Asked for its symbol, it fails.
contract SymbolRevertingToken is BareToken {
  error NoSymbol();

  uint8 public constant decimals = 18;

  function symbol() external pure returns (string memory) {
    revert NoSymbol();
  }
}

/// It has no `decimals()`, which ERC-20 leaves optional.
contract DecimalsMissingToken is BareToken {
  string public symbol = 'NODEC';
}

/// A tenth of a percent of what is sent arrives nowhere.
contract FeeToken is BareToken {
  uint8 public constant decimals = 18;
  string public symbol = 'FEE';

  function _move(address from, address to, uint256 amount) internal override {
    uint256 fee = amount / 1000;
    balanceOf[from] -= amount;
    balanceOf[to] += amount - fee;
    totalSupply -= fee;
    emit Transfer(from, to, amount - fee);
    emit Transfer(from, address(0), fee);
  }
}
