import { connect, parseLsn } from '@hozen/dbms';
import { eventually, tempDir, TestPostgres } from '@hozen/testkit';
import { describe, expect, it } from 'vitest';
import { quietContext } from '../../backup.fixture.js';
import { standbyOf } from '../../spec-support/standby.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { proveByStart } from '../../verification/prove-by-start.js';
import { BackupSeries } from '../../backup-series.fixture.js';

describe.each(['files', 'server'] as const)('the files of a standby, by %s', (copyBy) => {
  it('are copied in full and in increments, which build on one another', async () => {
    await using folder = await tempDir();
    await using primary = await TestPostgres.start({ settings: { full_page_writes: true } });
    await using client = await primary.client();
    await client.query('CREATE TABLE lasting AS SELECT i AS id, 0 AS n FROM generate_series(1, 20000) i');
    await using standby = await standbyOf(primary, folder.join('standby'));
    const backups = new BackupSeries(standby.address(), folder.path, (job) => (job.config.copyBy = copyBy));
    const { artefact: full } = await eventually(() => backups.make('full'));
    expect(full.manifest.postgres?.inRecovery).toBe(true);
    await client.query('UPDATE lasting SET n = 1 WHERE id % 100 = 0');
    await client.query('CHECKPOINT');
    // A standby begins at its last restartpoint, and that must be behind what the increment builds on.
    await using reader = await connect(standby.address(), { applicationName: 'test' });
    await eventually(async () => {
      await reader.query('CHECKPOINT');
      const { rows } = await reader.query<{ redo: string }>(
        'SELECT redo_lsn::text AS redo FROM pg_control_checkpoint()',
      );
      expect(parseLsn(rows[0]?.redo ?? '')).toBeGreaterThan(parseLsn(full.manifest.physical?.endLsn ?? ''));
    });
    const { job, artefact } = await backups.make('incremental');
    expect(artefact.manifest.level).toBe('incremental');
    await checkArtefact(job, artefact, quietContext());
    expect(await proveByStart(job, artefact, quietContext())).toMatchObject({ level: 'restore' });
  }, 120_000);
});

it('the files of a standby whose WAL has no full pages are refused, with what the server advises', async () => {
  await using folder = await tempDir();
  await using primary = await TestPostgres.start();
  await using standby = await standbyOf(primary, folder.join('standby'));
  await expect(new BackupSeries(standby.address(), folder.path).make('full')).rejects.toMatchObject({
    code: 'TARGET_REFUSED',
    detail: expect.stringContaining('Enable full_page_writes') as string,
  });
});
