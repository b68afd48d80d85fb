// Compiles one group of contracts: node compile.js aave|own <folder of node_modules> <output file>
//
// "aave" is Aave V3.6 and what extends it (contracts/aave), "own" the rest of contracts/: apart,
// so that a change of ours does not cost the time Aave's takes.
// Aave's package has no foundry.toml: optimizer runs and EVM version are our working guess, so this
// is Aave's source but not proven byte-identical to what is deployed on mainnet.
'use strict';

const fs = require('fs');
const path = require('path');

const [group, packagesFolder, outputFile] = process.argv.slice(2);
const modules = path.resolve(packagesFolder, 'node_modules');
const folder = path.join(__dirname, 'contracts', group === 'aave' ? 'aave' : '');
const solc = require(path.join(modules, 'solc-0-8-27'));

const AAVE = '@aave-dao/aave-v3-origin/src/contracts';
// Forge import names. Each must map to the npm path itself: a file known under two names
// declares its types twice.
const REMAPPINGS = [
  'openzeppelin-contracts/contracts/=@openzeppelin/contracts/',
  'openzeppelin-contracts-upgradeable/contracts/=@openzeppelin/contracts-upgradeable/',
  'solidity-utils/=@bgd-labs/solidity-utils/src/',
];
const AAVE_SOURCES = [
  'helpers/AaveProtocolDataProvider',
  'instances/ATokenInstance',
  'instances/PoolConfiguratorInstance',
  'instances/PoolInstance',
  'instances/VariableDebtTokenInstance',
  'misc/AaveOracle',
  'misc/DefaultReserveInterestRateStrategyV2',
  'mocks/tokens/MintableERC20',
  'protocol/configuration/ACLManager',
  'protocol/configuration/PoolAddressesProvider',
  'protocol/libraries/helpers/Errors',
];

const sources = {};
for (const name of fs.readdirSync(folder).filter((name) => name.endsWith('.sol')).sort()) {
  sources[name] = {content: fs.readFileSync(path.join(folder, name), 'utf8')};
}
if (group === 'aave') {
  for (const name of AAVE_SOURCES) {
    const file = `${AAVE}/${name}.sol`;
    sources[file] = {content: fs.readFileSync(path.join(modules, file), 'utf8')};
  }
}

const input = {
  language: 'Solidity',
  sources,
  settings: {
    remappings: REMAPPINGS,
    optimizer: {enabled: true, runs: 200},
    evmVersion: 'cancun',
    outputSelection: {'*': {'*': ['abi', 'evm.bytecode.object', 'evm.bytecode.linkReferences']}},
  },
};
const readImport = (file) => ({contents: fs.readFileSync(path.join(modules, file), 'utf8')});
const output = JSON.parse(solc.compile(JSON.stringify(input), {import: readImport}));

const errors = (output.errors || []).filter((error) => error.severity === 'error');
if (errors.length > 0) {
  console.error(errors.map((error) => error.formattedMessage).join('\n'));
  process.exit(1);
}

const compiled = {};
for (const [file, contracts] of Object.entries(output.contracts)) {
  // Aave's libraries come in by import; what ours import is not to hide a contract of Aave's.
  if (group === 'own' && !(file in sources)) continue;
  for (const [name, {abi, evm}] of Object.entries(contracts)) {
    if (evm.bytecode.object === '') continue; // an interface
    compiled[name] = {abi, bytecode: evm.bytecode.object, links: evm.bytecode.linkReferences};
  }
}
fs.writeFileSync(outputFile, JSON.stringify(compiled));
