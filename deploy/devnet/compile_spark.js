// Compiles a double of Spark's rounding upgrade: node compile_spark.js <folder of node_modules> <output file>
//
// Aave 3.0.2's own sources with the replacements of contracts/spark/rounding.js, by the compiler
// that is here (they ask for 0.8.10 or later). Names in the output begin with "spark/".
'use strict';

const fs = require('fs');
const path = require('path');

const replacements = require(path.join(__dirname, 'contracts/spark/rounding.js'));
const [packagesFolder, outputFile] = process.argv.slice(2);
const modules = path.resolve(packagesFolder, 'node_modules');
const solc = require(path.join(modules, 'solc-0-8-27'));

const AAVE = '@aave/core-v3/contracts';
const UPGRADED = ['protocol/pool/Pool', 'protocol/tokenization/AToken', 'protocol/tokenization/VariableDebtToken'];

const replaced = new Set();
function source(file) {
  let text = fs.readFileSync(path.join(modules, file), 'utf8');
  const name = file.slice(AAVE.length + 1);
  for (const {from, to} of replacements[name] || []) {
    const found = text.split(from).length - 1;
    if (found !== 1) {
      console.error(`${file}: ${JSON.stringify(from)} is there ${found} times, expected once`);
      process.exit(1);
    }
    text = text.replace(from, () => to);
  }
  replaced.add(name);
  return text;
}

const sources = {};
for (const name of UPGRADED) {
  const file = `${AAVE}/${name}.sol`;
  sources[file] = {content: source(file)};
}
const input = {
  language: 'Solidity',
  sources,
  settings: {
    optimizer: {enabled: true, runs: 200},
    evmVersion: 'london',
    outputSelection: {'*': {'*': ['abi', 'evm.bytecode.object', 'evm.bytecode.linkReferences']}},
  },
};
const readImport = (file) => ({contents: source(file)});
const output = JSON.parse(solc.compile(JSON.stringify(input), {import: readImport}));

const errors = (output.errors || []).filter((error) => error.severity === 'error');
const unused = Object.keys(replacements).filter((name) => !replaced.has(name));
if (errors.length > 0 || unused.length > 0) {
  console.error(errors.map((error) => error.formattedMessage).join('\n'));
  console.error(unused.map((name) => `${name}: not part of what is compiled`).join('\n'));
  process.exit(1);
}

const compiled = {};
for (const contracts of Object.values(output.contracts)) {
  for (const [name, {abi, evm}] of Object.entries(contracts)) {
    if (evm.bytecode.object === '') continue; // an interface
    compiled[`spark/${name}`] = {abi, bytecode: evm.bytecode.object, links: evm.bytecode.linkReferences};
  }
}
fs.writeFileSync(outputFile, JSON.stringify(compiled));
