import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TestSurroundings, testContext } from '../testing/surroundings.js';
import { delivery, provenRun, RUN_ID, runView } from '../testing/views.js';
import type { Home } from './home.js';
import { endingOfReport, report } from './report.js';

describe('the report', () => {
  it('says where, how large, how fast, how proven, who was told and how to look further', async () => {
    const mail = await mkdtemp(join(tmpdir(), 'hozen-report-'));
    await writeFile(join(mail, 'a.eml'), 'Message-ID: <d-17@hozen>\n');
    const around = new TestSurroundings();
    const shown = { run: provenRun(), deliveries: [delivery({ id: 'd-17' })] };
    expect(await report(testContext(around), { mail } as Home, shown)).toBe('ok');
    for (const expected of [
      'Backup completed and proven.',
      '/backups/manual/20261121_090001_nightly.tar.gz',
      '4.20 MB (12.3 MB before compression)',
      '85.3 MB/s',
      '2 databases, 9 tables',
      'email to dba (dba@localhost): sent',
      join(mail, 'a.eml'),
      'ab'.repeat(16),
      `npx hozen run ${RUN_ID}`,
      `npx hozen trace ${RUN_ID}`,
      'restore.sh',
    ]) {
      expect(around.written.out).toContain(expected);
    }
    await rm(mail, { recursive: true });
  });

  it.each([
    ['a proven run and a sent notice', { run: provenRun(), deliveries: [delivery()] }, 'ok'],
    ['no notice', { run: provenRun(), deliveries: [] }, 'failed'],
    [
      'a notice that was not sent',
      { run: provenRun(), deliveries: [delivery(), delivery({ state: 'failed' })] },
      'failed',
    ],
    ['a failed run', { run: runView({ state: 'failed' }), deliveries: [delivery()] }, 'failed'],
    ['a cancelled run', { run: runView({ state: 'cancelled' }), deliveries: [delivery()] }, 'cancelled'],
  ] as const)('is green only for a proven run that people were told of: %s', (_what, shown, ending) => {
    expect(endingOfReport({ run: shown.run, deliveries: [...shown.deliveries] })).toBe(ending);
  });

  it('is not green for a run without proof', () => {
    const run = provenRun();
    delete run.artefact?.proof;
    expect(endingOfReport({ run, deliveries: [delivery()] })).toBe('failed');
  });
});
