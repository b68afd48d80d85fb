// Takes creation code that packages carry ready-made: node unpack.js <folder of node_modules> <output file>
'use strict';

const fs = require('fs');
const path = require('path');

const [packagesFolder, outputFile] = process.argv.slice(2);
const modules = path.resolve(packagesFolder, 'node_modules');

// Typechain's classes: an ABI literal and the bytecode in a string. They are read, not loaded,
// since loading one wants ethers.
const FACTORIES = '@morpho-org/morpho-blue-bundlers/types/factories';
const MORPHO = [
  'lib/morpho-blue/src/Morpho',
  'lib/morpho-blue/src/libraries/EventsLib', // Morpho's own ABI leaves its events out
  'lib/morpho-blue-irm/src/adaptive-curve-irm/AdaptiveCurveIrm',
  'lib/metamorpho/src/MetaMorpho',
  'src/mocks/ERC20Mock',
  'src/mocks/OracleMock',
];

function part(text, file, pattern) {
  const found = text.match(pattern);
  if (found === null) throw new Error(`${file}: expected ${pattern}, found none`);
  return found[1];
}

const unpacked = {};
for (const name of MORPHO) {
  const file = path.join(modules, FACTORIES, `${name}__factory.js`);
  const text = fs.readFileSync(file, 'utf8');
  const abi = new Function(`return ${part(text, file, /^const _abi = (\[[\s\S]*?^\]);/m)}`)();
  const bytecode = part(text, file, /^const _bytecode = "0x([0-9a-f]+)";/m);
  unpacked[path.basename(name)] = {abi, bytecode, links: {}};
}
// Multicall3's creation code, from the one registry package that carries it.
const {multicall3Bytecode} = require(path.join(modules, 'viem/_cjs/constants/contracts.js'));
unpacked.Multicall3 = {abi: [], bytecode: multicall3Bytecode.slice(2), links: {}};

fs.writeFileSync(outputFile, JSON.stringify(unpacked));
