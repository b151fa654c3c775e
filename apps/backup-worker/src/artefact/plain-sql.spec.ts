import { execFile } from 'node:child_process';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';
import { everyKindOfObject, HOSTILE_NAMES, tempDir, TestPostgres } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { backUp, jobFor } from '../backup.fixture.js';
import { contentOfCluster, dumpAll } from '../verification/cluster-content.fixture.js';

it('writes a whole cluster as plain SQL, from which psql alone makes the same one', async () => {
  await using folder = await tempDir();
  await using work = await tempDir();
  await using source = await TestPostgres.start();
  await everyKindOfObject(source);
  await using client = await source.client();
  // Such a name pg_restore does not write for psql, and neither does pg_dumpall.
  for (const name of HOSTILE_NAMES.filter((each) => each.includes('\n'))) {
    await client.query(`DROP DATABASE ${client.escapeIdentifier(name)}`);
  }
  const artefact = await backUp(jobFor(source.address(), folder.path));
  await using server = await TestPostgres.start();
  await using other = await server.client();
  // As with pg_dumpall, the passwords of the backup count from its roles on, and psql connects again for each database.
  await other.query(`ALTER ROLE CURRENT_USER PASSWORD ${other.escapeLiteral(source.password)}`);
  await other.query('SET allow_in_place_tablespaces = on');
  await other.query('CREATE ROLE owner');
  await other.query(`CREATE TABLESPACE "fast space" OWNER owner LOCATION ''`);
  await other.end();

  const address = { ...server.address(), password: source.password };
  const file = basename(artefact.path);
  const commands = [
    ...artefact.manifest.restore.slice(0, -1),
    `sh restore.sh --sql '${file}' | gzip > all.sql.gz`,
    'zcat all.sql.gz | tail -n 1',
    'zcat all.sql.gz | psql -X -q -o /dev/null -d postgres',
  ];
  const { stdout } = await promisify(execFile)('sh', ['-e', '-c', commands.join('\n')], {
    cwd: dirname(artefact.path),
    env: {
      PATH: '/usr/bin:/bin',
      HOZEN_WORK: work.path,
      PGHOST: address.host,
      PGPORT: String(address.port),
      PGUSER: address.user,
      PGPASSWORD: address.password,
      PGOPTIONS: '-c default_transaction_read_only=off -c client_min_messages=warning',
    },
    maxBuffer: 64 * 2 ** 20,
  });
  expect(stdout).toMatch(/-- The backup ends here\n$/);
  expect(await contentOfCluster(address)).toEqual(await contentOfCluster(source.address()));
  const without = { lineBreaks: false };
  expect(await dumpAll(address, without)).toEqual(await dumpAll(source.address(), without));
}, 240_000);
