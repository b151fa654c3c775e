import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from '@hozen/dbms';
import { TestPostgres } from '@hozen/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadCrc32c, type Crc32c } from '../../artefact/crc32c.js';
import { WalReader } from './wal-reader.js';

const SEGMENT = 1 << 20;

let wal: Buffer;
let start: bigint;
let crc32c: Crc32c;

/** A WAL file of a real server, with records that go over many pages. */
beforeAll(async () => {
  crc32c = await loadCrc32c();
  await using server = await TestPostgres.start({ initdbArgs: ['--wal-segsize=1'] });
  await using client = await connect(server.address(), { applicationName: 'hozen test' });
  await client.query('SELECT pg_switch_wal()');
  await client.query(
    'CREATE TABLE t AS SELECT n, repeat(md5(n::text), 50) AS filler FROM generate_series(1, 5000) AS n',
  );
  await client.query(`SELECT pg_logical_emit_message(false, 'hozen', repeat('x', 50000)) FROM generate_series(1, 20)`);
  const { rows } = await client.query<{ file: string }>('SELECT pg_walfile_name(pg_current_wal_lsn()) AS file');
  const files = (await readdir(join(server.dataDir, 'pg_wal')))
    .filter((name) => name < (rows[0]?.file ?? ''))
    .toSorted();
  const [file = '', next = ''] = files.slice(-2);
  wal = Buffer.concat(await Promise.all([file, next].map((name) => readFile(join(server.dataDir, 'pg_wal', name)))));
  const number = BigInt(`0x${file.slice(8, 16)}`) * BigInt(2 ** 32 / SEGMENT) + BigInt(`0x${file.slice(16)}`);
  start = number * BigInt(SEGMENT);
});

function read(bytes: Buffer, piece: number): WalReader {
  const reader = new WalReader(start, SEGMENT, crc32c);
  for (let at = 0; at < bytes.length; at += piece) reader.push(bytes.subarray(at, at + piece));
  return reader;
}

describe('a reader of WAL', () => {
  it('sees the same, however the bytes are cut', () => {
    const whole = read(wal, wal.length);
    expect(whole.records).toBeGreaterThan(10);
    for (const piece of [1, 7, 8191, 8192, 65_536]) {
      const cut = read(wal, piece);
      expect([cut.records, cut.wholeUntil, cut.lsn]).toEqual([whole.records, whole.wholeUntil, whole.lsn]);
    }
  });

  it('finds a bit that has changed, in any record', () => {
    for (let at = SEGMENT / 2 + 100; at < SEGMENT + SEGMENT / 2; at += 49_999) {
      // The header of a page has no checksum of its own but its address.
      if (at % 8192 < 40) continue;
      const changed = Buffer.from(wal);
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      expect(() => read(changed, 65_536), String(at)).toThrow(RangeError);
    }
  });

  it('finds a page that is missing, or another one', () => {
    const without = Buffer.concat([wal.subarray(0, 3 * 8192), wal.subarray(4 * 8192)]);
    expect(() => read(without, 65_536)).toThrow('says that it is');
  });

  it('begins at the beginning of a page', () => {
    expect(() => new WalReader(start + 8n, SEGMENT, crc32c)).toThrow('not the start of a page');
  });
});
