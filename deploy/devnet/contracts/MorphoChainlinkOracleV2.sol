// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Math} from '@openzeppelin/contracts/utils/math/Math.sol';

interface IRoundFeed {
  function decimals() external view returns (uint8);
  function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80);
}

interface IVaultAssets {
  function convertToAssets(uint256 shares) external view returns (uint256);
}

/// Double of Morpho's MorphoChainlinkOracleV2, by its getters and the formula of accounting.md 4.4.
/// Leaves out the check that a missing vault's sample is 1.
contract MorphoChainlinkOracleV2 {
  struct Side {
    IVaultAssets vault;
    uint256 conversionSample;
    IRoundFeed feed1;
    IRoundFeed feed2;
    uint256 tokenDecimals;
  }

  IVaultAssets public immutable BASE_VAULT;
  uint256 public immutable BASE_VAULT_CONVERSION_SAMPLE;
  IVaultAssets public immutable QUOTE_VAULT;
  uint256 public immutable QUOTE_VAULT_CONVERSION_SAMPLE;
  IRoundFeed public immutable BASE_FEED_1;
  IRoundFeed public immutable BASE_FEED_2;
  IRoundFeed public immutable QUOTE_FEED_1;
  IRoundFeed public immutable QUOTE_FEED_2;
  uint256 public immutable SCALE_FACTOR;

  /// Each side encoded as (vault, sample, first feed, second feed, token decimals); no vault or
  /// feed is the zero address, and counts as 1.
  constructor(bytes memory encodedBase, bytes memory encodedQuote) {
    Side memory base = abi.decode(encodedBase, (Side));
    Side memory quote = abi.decode(encodedQuote, (Side));
    BASE_VAULT = base.vault;
    BASE_VAULT_CONVERSION_SAMPLE = base.conversionSample;
    BASE_FEED_1 = base.feed1;
    BASE_FEED_2 = base.feed2;
    QUOTE_VAULT = quote.vault;
    QUOTE_VAULT_CONVERSION_SAMPLE = quote.conversionSample;
    QUOTE_FEED_1 = quote.feed1;
    QUOTE_FEED_2 = quote.feed2;
    uint256 exponent = 36 + _decimals(quote) - _decimals(base);
    SCALE_FACTOR = (10 ** exponent * quote.conversionSample) / base.conversionSample;
  }

  function price() external view returns (uint256) {
    uint256 base = _assets(BASE_VAULT, BASE_VAULT_CONVERSION_SAMPLE) *
      _answer(BASE_FEED_1) *
      _answer(BASE_FEED_2);
    uint256 quote = _assets(QUOTE_VAULT, QUOTE_VAULT_CONVERSION_SAMPLE) *
      _answer(QUOTE_FEED_1) *
      _answer(QUOTE_FEED_2);
    return Math.mulDiv(SCALE_FACTOR, base, quote);
  }

  function _decimals(Side memory side) private view returns (uint256) {
    return side.tokenDecimals + _feedDecimals(side.feed1) + _feedDecimals(side.feed2);
  }

  function _feedDecimals(IRoundFeed feed) private view returns (uint256) {
    return address(feed) == address(0) ? 0 : feed.decimals();
  }

  function _assets(IVaultAssets vault, uint256 sample) private view returns (uint256) {
    return address(vault) == address(0) ? 1 : vault.convertToAssets(sample);
  }

  function _answer(IRoundFeed feed) private view returns (uint256) {
    if (address(feed) == address(0)) return 1;
    (, int256 answer, , , ) = feed.latestRoundData();
    require(answer >= 0, 'negative answer');
    return uint256(answer);
  }
}
