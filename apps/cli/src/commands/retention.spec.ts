import type { RetentionView } from '@hozen/contracts';
import { describe, expect, it } from 'vitest';
import { ServiceDouble } from '../testing/service-double.js';
import { TestSurroundings } from '../testing/surroundings.js';
import { RUN_ID, runView } from '../testing/views.js';

const VIEW: RetentionView = {
  config: 'nightly',
  artefacts: [
    {
      runId: RUN_ID,
      level: 'full',
      startedAt: '2026-11-20T02:00:00Z',
      path: '/b/a.tar.gz',
      bytes: 4_200_000,
      keep: true,
      reasons: [
        { kind: 'young', days: 30 },
        { kind: 'needed', by: 'i1' },
      ],
    },
    {
      runId: 'old',
      level: 'full',
      startedAt: '2026-01-20T02:00:00Z',
      path: '/b/o.tar.gz',
      bytes: 1,
      keep: false,
      reasons: [{ kind: 'old', days: 30 }],
    },
  ],
  deleting: [{ runId: 'going', path: '/b/g.tar.gz', bytes: 2, attempts: 3, error: 'STORAGE_IO: no' }],
};

describe('hozen retention', () => {
  it('shows what stays and what goes, each with its reasons', async () => {
    await using worker = await ServiceDouble.start(() => ({ body: [VIEW] }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    expect(await around.hozen('retention', 'preview', 'nightly')).toBe('ok');
    expect(worker.asked[0]?.path).toBe('/retention?config=nightly');
    const { out } = around.written;
    expect(out).toMatch(/stays +kept 30 days; needed by i1/);
    expect(out).toMatch(/goes +older than 30 days/);
    expect(out).toMatch(/being deleted +STORAGE_IO: no/);
  });

  it('marks what is bad', async () => {
    const artefacts = VIEW.artefacts.map((each) => ({ ...each, bad: true }));
    await using worker = await ServiceDouble.start(() => ({ body: [{ ...VIEW, artefacts }] }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    await around.hozen('retention', 'preview');
    expect(around.written.out).toMatch(/stays +BAD; kept 30 days/);
  });

  it('applies the rules', async () => {
    await using worker = await ServiceDouble.start(() => ({ body: { expired: 2 } }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    expect(await around.hozen('retention', 'apply', '--lang', 'ja')).toBe('ok');
    expect(worker.asked[0]).toMatchObject({ method: 'POST', path: '/retention/apply' });
    expect(around.written.out).toBe('2 件が削除されます。\n');
  });

  it('holds and releases an artefact', async () => {
    await using worker = await ServiceDouble.start(() => ({ body: runView() }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url, USER: 'dba' });
    expect(await around.hozen('hold', RUN_ID, '--reason', 'audit')).toBe('ok');
    expect(await around.hozen('release', RUN_ID)).toBe('ok');
    expect(worker.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `PUT /backups/${RUN_ID}/hold`,
      `DELETE /backups/${RUN_ID}/hold`,
    ]);
    expect(worker.asked[0]?.body).toEqual({ reason: 'audit', heldBy: 'dba' });
  });
});
