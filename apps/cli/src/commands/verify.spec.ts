import type { VerificationView } from '@hozen/contracts';
import { describe, expect, it } from 'vitest';
import { ServiceDouble } from '../testing/service-double.js';
import { TestSurroundings } from '../testing/surroundings.js';
import { RUN_ID } from '../testing/views.js';

const VIEW: VerificationView = {
  id: 'v1',
  requestId: 'q1',
  kind: 'full',
  runId: RUN_ID,
  config: 'nightly',
  target: 'erp',
  state: 'completed',
  attempt: 1,
  queuedAt: '2026-11-26T10:00:00Z',
  proof: { level: 'restore', databases: 2, tables: 7, seconds: 61.2 },
  rtoSeconds: 61.2,
  rpoSeconds: 3600,
};
const BAD: VerificationView = {
  ...VIEW,
  id: 'v2',
  state: 'failed',
  verdict: 'bad',
  error: { code: 'ARTEFACT_CORRUPT', message: 'it is damaged', hint: 'take another' },
};

describe('hozen verify', () => {
  it('asks for the newest backup of a config and follows it to its end', async () => {
    await using worker = await ServiceDouble.start(() => ({ body: VIEW }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url }, { terminal: true });
    expect(await around.hozen('verify', 'nightly', '--wait')).toBe('ok');
    expect(worker.asked[0]).toMatchObject({ method: 'POST', path: '/verifications', body: { config: 'nightly' } });
    expect(around.written.out).toContain('2 databases, 7 tables');
    expect(around.written.out).toContain('1:00:00');
  });

  it('draws from all backups with a seed', async () => {
    await using worker = await ServiceDouble.start(() => ({ body: VIEW }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    expect(await around.hozen('verify', '--kind', 'spot', '--seed', '7')).toBe('ok');
    expect(worker.asked[0]?.body).toMatchObject({ kind: 'spot', seed: 7 });
    expect(around.written.out).toContain('hozen verifications v1');
  });

  it('tries a key that is kept elsewhere, and says who can read the backup', async () => {
    const recipients = [
      { recipient: 'age1usual', tried: false },
      { recipient: 'age1safe', tried: true },
    ];
    const view = { ...VIEW, kind: 'key' as const, identity: 'file:/media/key', recipients };
    await using worker = await ServiceDouble.start(() => ({ body: view }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url }, { terminal: true });
    expect(await around.hozen('verify', 'nightly', '--escrow', 'file:/media/key', '--wait')).toBe('ok');
    expect(worker.asked[0]?.body).toMatchObject({ kind: 'key', identity: 'file:/media/key' });
    expect(around.written.out).toMatch(/age1usual\n.*age1safe {2}.*tried now/);
  });

  it('fails where the backup is bad, and says why', async () => {
    await using worker = await ServiceDouble.start(() => ({ body: BAD }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url }, { terminal: true });
    expect(await around.hozen('verify', RUN_ID, '--wait')).toBe('failed');
    expect(worker.asked[0]?.body).toMatchObject({ run: RUN_ID });
    expect(around.written.err).toContain('it is damaged');
  });

  it('lists verifications of a target with their times', async () => {
    await using worker = await ServiceDouble.start(() => ({ body: { verifications: [BAD, VIEW] } }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    expect(await around.hozen('verifications', '--target', 'erp')).toBe('ok');
    expect(worker.asked[0]?.path).toBe('/verifications?target=erp');
    expect(around.written.out).toMatch(/v2 .*BAD/);
    expect(around.written.out).toMatch(/v1 .*good .*1:01/);
  });
});
