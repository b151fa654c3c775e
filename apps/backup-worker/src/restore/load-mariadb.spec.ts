import { Readable } from 'node:stream';
import { PrivateMariadb } from '@hozen/dbms';
import { tempDir } from '@hozen/testkit';
import { describe, expect, it } from 'vitest';
import { hasMariadb } from '../methods/mariadb-logical/mariadb.fixture.js';
import { loadMariadb } from './load-mariadb.js';

describe.skipIf(!hasMariadb)('a script that a server stops at (skipped where there is no mariadbd)', () => {
  it('is told of by what the server says, and not by the statement, in which there may be anything', async () => {
    await using folder = await tempDir();
    await using server = await PrivateMariadb.start({ dataDir: folder.join('data') });
    const hash = `*${'94BDCEBE'.repeat(5)}`;
    const script = Buffer.from(
      `CREATE TABLE gone.t (secret INT);\nGRANT USAGE ON *.* TO x IDENTIFIED BY PASSWORD '${hash}';`,
    );
    const address = { ...server.address(), server: { flavour: 'mariadb', version: '10.11' } } as const;
    const loading = loadMariadb(address, Readable.from([script]), new AbortController().signal);
    const error = await loading.catch((each: unknown) => each);
    expect(error).toMatchObject({
      code: 'TOOL_FAILED',
      detail: expect.stringMatching(/^ERROR 1049 .*Unknown database/) as string,
    });
    expect(JSON.stringify(error) + String(error)).not.toContain('secret');
  });
});
