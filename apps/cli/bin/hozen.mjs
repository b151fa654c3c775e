#!/usr/bin/env node
// Runs the command on Node 24: on the one that npm brought where this one is older.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const OLDEST = [24, 11, 1];
const at = (path) => fileURLToPath(new URL(path, import.meta.url));

const parts = process.versions.node.split('.').map(Number);
const difference = OLDEST.map((least, index) => parts[index] - least).find((each) => each !== 0) ?? 0;
const brought = at(`../../../node_modules/node-linux-${process.arch}/bin/node`);

if (!existsSync(at('../dist/main.js'))) {
  process.stderr.write('hozen is not built yet. Run once in its folder: npm run build (npm start does it too).\n');
  process.exitCode = 1;
} else if (difference >= 0) {
  // PostgreSQL runs `hozen wal` for every file of WAL: a program of the worker's own, which loads nothing else.
  const [first = '', second, third] = process.argv.slice(2);
  const command = first === '--lang' ? third : first.startsWith('--lang=') ? second : first;
  await import(command === 'wal' ? '../../backup-worker/dist/wal-archive/main.js' : '../dist/main.js');
} else if (existsSync(brought)) {
  const command = [brought, at('./hozen.mjs'), ...process.argv.slice(2)];
  // It ends with us, also where nobody asks us.
  const guard = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'TERM', '--'] : [];
  const [program, ...args] = [...guard, ...command];
  const child = spawn(program, args, { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both; the child decides what it means.
  process.on('SIGINT', () => {
    if (!process.stdin.isTTY) child.kill('SIGINT');
  });
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('close', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
  });
} else {
  process.stderr.write(`hozen needs Node ${OLDEST.join('.')} or newer; this is ${process.versions.node}.\n`);
  process.exitCode = 1;
}
