import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TestPostgres } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { connect } from '../connection/connect.js';
import { giveToServer } from '../server/give-to-server.js';
import { parseLsn } from './lsn.js';
import { streamWal } from './stream-wal.js';

it('tells what follows a timeline that is over only to those who asked for all of it', async () => {
  await using server = await TestPostgres.start({ settings: { wal_keep_size: '256MB' } });
  const lsnOf = async (text: string) => {
    await using client = await server.client();
    const { rows } = await client.query<{ lsn: string }>(`SELECT ${text}::text AS lsn`);
    return parseLsn(rows[0]?.lsn ?? '');
  };
  const start = await lsnOf('pg_switch_wal()');
  const stop = await lsnOf(`pg_logical_emit_message(false, 'test', repeat('x', 100000))`);
  await server.stop('fast');
  await writeFile(join(server.dataDir, 'standby.signal'), '');
  await giveToServer(join(server.dataDir, 'standby.signal'));
  await server.restart('fast');
  await using admin = await server.client();
  await admin.query('SELECT pg_promote()');

  const streamed = async (until?: bigint) => {
    await using client = await connect(server.address(), { applicationName: 'hozen test', replication: true });
    const asked = { timeline: 1, start: (start / 8192n) * 8192n, ...(until === undefined ? {} : { stop: until }) };
    return await streamWal(client, asked, () => undefined);
  };
  expect(await streamed(stop)).toEqual({ end: stop });
  const whole = await streamed();
  expect(whole.next).toEqual({ timeline: 2, from: whole.end });
  // Where it ends by itself just there, nothing is missing either.
  expect(await streamed(whole.end)).toEqual({ end: whole.end });
});
