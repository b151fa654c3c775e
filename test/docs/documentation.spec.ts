import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { commandBlocks, documents, localLinks, read, ROOT } from './documentation.js';

const hozen = async (...args: string[]) => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(ROOT, 'apps/cli/bin/hozen.mjs'), ...args]);
  return stdout;
};

describe('the documentation', () => {
  it.each(documents())('%s links only to files that are there', (file) => {
    expect(localLinks(file).filter((target) => !existsSync(join(ROOT, target)))).toEqual([]);
  });

  it('names only commands of hozen that exist', async () => {
    const known = new Set(
      [...(await hozen('help', '--lang', 'en')).matchAll(/^ {2}([a-z-]+) /gm)].map(([, name]) => name),
    );
    for (const file of documents()) {
      for (const [, name] of read(file).matchAll(/(?:npx|`)\s?hozen ([a-z][a-z-]*)/g)) {
        expect([file, name, known.has(name)]).toEqual([file, name, true]);
      }
    }
  });

  it('gives the exit codes that the command explains', async () => {
    const lines = (await hozen('help', 'exit-codes', '--lang', 'en')).trim().split('\n').slice(1);
    const table = read('docs/cli.md');
    for (const line of lines) {
      const [, code, meaning = ''] = /^ +(\d+) {2}(.*)$/.exec(line) ?? [];
      expect(table).toMatch(
        new RegExp(`^\\| +${code} \\| ${meaning.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')} +\\|$`, 'm'),
      );
    }
  });

  it('has commands to run', () => {
    expect(commandBlocks().filter(({ needs }) => needs === undefined).length).toBeGreaterThan(5);
  });
});
