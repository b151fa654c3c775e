import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type TargetClient } from '../connection/connect.js';
import { copyIn } from './copy-in.js';
import { CopyMessages } from './copy-messages.js';
import { copyOut } from './copy-out.js';

let server: TestPostgres;
beforeAll(async () => {
  server = await TestPostgres.start();
  await using client = await connected();
  await client.query(`
    CREATE TABLE narrow AS SELECT n, 'row ' || n AS t FROM generate_series(1, 200000) AS n;
    CREATE TABLE wide AS SELECT n, repeat(md5(n::text), 100000) AS t FROM generate_series(1, 5) AS n;
    CREATE TABLE empty (n int)`);
});
afterAll(() => server[Symbol.asyncDispose]());

describe('COPY TO STDOUT', () => {
  it.each(['narrow', 'wide', 'empty'])('hands over the rows of a table as they are (%s)', async (table) => {
    await using client = await connected();
    const hash = createHash('sha256');
    const copied = await copyOut(client, `COPY ${table} TO STDOUT`, (rows) => void hash.update(rows));
    const { rows } = await client.query<Record<string, unknown>>(`SELECT * FROM ${table}`);
    const expected = rows.map((row) => `${Object.values(row).join('\t')}\n`).join('');
    expect(copied).toEqual({ rows: rows.length, bytes: expected.length });
    expect(hash.digest('hex')).toBe(createHash('sha256').update(expected).digest('hex'));
  });

  it('leaves the client to the next query, after a refusal too', async () => {
    await using client = await connected();
    await expect(copyOut(client, 'COPY nothing TO STDOUT', () => undefined)).rejects.toMatchObject({
      detail: 'relation "nothing" does not exist',
    });
    await copyOut(client, 'COPY narrow TO STDOUT', () => undefined);
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('holds the server back until what it sent is taken', async () => {
    await using client = await connected();
    let busy = false;
    await copyOut(client, 'COPY wide TO STDOUT', async () => {
      expect(busy).toBe(false);
      busy = true;
      await turn();
      busy = false;
    });
  });

  it('is not done before the last rows are taken', async () => {
    await using client = await connected();
    let taken = false;
    await copyOut(client, 'COPY (SELECT 1) TO STDOUT', async () => {
      await turn();
      taken = true;
    });
    expect(taken).toBe(true);
  });

  it('fails with what the taker failed with, and lets go of the server', async () => {
    await using client = await connected();
    const copying = copyOut(client, 'COPY wide TO STDOUT', () => Promise.reject(new Error('the disk is full')));
    await expect(copying).rejects.toThrow('the disk is full');
    await expect(client.query('SELECT 1')).rejects.toThrow();
  });

  it('fails with the reason of its signal', async () => {
    await using client = await connected();
    const abort = new AbortController();
    const cancel = () => {
      abort.abort(new Error('cancelled'));
      return undefined;
    };
    const copying = copyOut(client, 'COPY wide TO STDOUT', cancel, abort.signal);
    await expect(copying).rejects.toThrow('cancelled');
  });

  it('tells when the connection is lost on the way', async () => {
    await using client = await connected();
    await using other = await connected();
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const copying = copyOut(client, 'COPY (SELECT pg_sleep(60)) TO STDOUT', () => undefined);
    const lost = expect(copying).rejects.toMatchObject({ code: 'TARGET_CONNECTION_LOST' });
    await other.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await lost;
  });

  it('finds the rows whatever pieces the bytes come in', () => {
    const message = (type: string, body: string) => {
      const head = Buffer.alloc(5);
      head.write(type);
      head.writeInt32BE(body.length + 4, 1);
      return Buffer.concat([head, Buffer.from(body)]);
    };
    const bytes = Buffer.concat([
      message('d', 'one\n'),
      message('d', ''),
      message('d', 'two\n'),
      message('C', 'COPY 3\0'),
    ]);
    for (let size = 1; size <= bytes.length; size++) {
      const others: string[] = [];
      const messages = new CopyMessages((type, body) => others.push(String.fromCharCode(type) + body.toString()));
      let text = '';
      for (let at = 0; at < bytes.length; at += size) text += messages.push(Buffer.from(bytes.subarray(at, at + size)));
      expect({ text, others }).toEqual({ text: 'one\ntwo\n', others: ['CCOPY 3\0'] });
    }
  });
});

describe('COPY FROM STDIN', () => {
  it('brings rows back that were copied out, cut anywhere', async () => {
    await using client = await connected();
    await client.query('CREATE TABLE again (LIKE narrow)');
    const pieces: Buffer[] = [];
    await copyOut(client, 'COPY narrow TO STDOUT', (rows) => void pieces.push(Buffer.from(rows)));
    expect(await copyIn(client, 'COPY again FROM STDIN', from(pieces))).toMatchObject({ rows: 200_000 });
    expect((await client.query('SELECT * FROM narrow EXCEPT SELECT * FROM again')).rows).toEqual([]);
  });

  it('takes rows that all come in the same memory', async () => {
    await using client = await connected();
    await client.query('CREATE TABLE digits (t text)');
    async function* digits() {
      const memory = Buffer.alloc(8_000_000);
      for (const digit of ['1', '2', '3']) {
        for (let at = 0; at < memory.length; at += 100_000)
          memory.fill(digit, at, at + 99_999).write('\n', at + 99_999);
        yield memory;
        await turn();
      }
    }
    await copyIn(client, 'COPY digits FROM STDIN', digits());
    const { rows } = await client.query('SELECT DISTINCT left(t, 1) AS t, count(*)::int FROM digits GROUP BY digits.t');
    expect(rows).toEqual(expect.arrayContaining(['1', '2', '3'].map((t) => ({ t, count: 80 }))));
    expect(rows).toHaveLength(3);
  });

  it('tells when the connection is lost while rows are on their way', async () => {
    await using client = await connected();
    await using other = await connected();
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    async function* endless() {
      yield Buffer.from('1\n');
      await other.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
      for (;;) yield Buffer.alloc(1_000_000, '2\n');
    }
    const copying = copyIn(client, 'COPY empty FROM STDIN', endless());
    await expect(copying).rejects.toMatchObject({ code: 'TARGET_CONNECTION_LOST' });
  });

  it('tells what the server refuses, and leaves the client to the next query', async () => {
    await using client = await connected();
    const bad = [Buffer.from('1\n'), Buffer.from('two\n'), Buffer.alloc(1_000_000, '3\n')];
    await expect(copyIn(client, 'COPY empty FROM STDIN', from(bad))).rejects.toMatchObject({
      detail: 'invalid input syntax for type integer: "two"',
    });
    expect((await client.query('SELECT count(*)::int AS n FROM empty')).rows).toEqual([{ n: 0 }]);
  });

  it('stores nothing of a source that fails', async () => {
    await using client = await connected();
    async function* broken() {
      yield Buffer.from('1\n');
      await turn();
      throw new Error('the file is cut off');
    }
    await expect(copyIn(client, 'COPY empty FROM STDIN', broken())).rejects.toThrow('the file is cut off');
    expect((await client.query('SELECT count(*)::int AS n FROM empty')).rows).toEqual([{ n: 0 }]);
  });
});

function connected(): Promise<TargetClient> {
  return connect(server.address(), { applicationName: 'spec' });
}

async function* from(pieces: Buffer[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    await turn();
    yield piece;
  }
}
