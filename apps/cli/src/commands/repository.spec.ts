import type { RepositoryAdoptionView, RepositoryScanView } from '@hozen/contracts';
import { describe, expect, it } from 'vitest';
import { ServiceDouble } from '../testing/service-double.js';
import { TestSurroundings } from '../testing/surroundings.js';
import { RUN_ID } from '../testing/views.js';

const STORAGES = [{ storage: '/srv/backups', artefacts: 12, bytes: 4_200_000 }];

async function asked(
  body: RepositoryScanView | RepositoryAdoptionView,
  ...args: string[]
): Promise<{ ending: string; out: string; path: string | undefined }> {
  await using worker = await ServiceDouble.start(() => ({ body }));
  const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
  const ending = await around.hozen('repository', ...args);
  return { ending, out: around.written.out, path: worker.asked[0]?.path };
}

describe('hozen repository', () => {
  it('says that everything is as it should be', async () => {
    const { ending, out, path } = await asked({ storages: STORAGES, findings: [] }, 'scan', 'nightly');
    expect(ending).toBe('ok');
    expect(path).toBe('/repository/scan?config=nightly');
    expect(out).toContain('/srv/backups: 12 artefacts');
  });

  it('fails where something is missing, and names it on one line whatever it is called', async () => {
    const findings = [{ kind: 'missing' as const, path: '/srv/backups/a\n.tar', runId: RUN_ID, config: 'nightly' }];
    const { ending, out } = await asked({ storages: STORAGES, findings }, 'scan');
    expect(ending).toBe('failed');
    expect(out.split('\n').find((line) => line.includes('MISSING'))).toMatch(/a.*\.tar.*nightly/);
  });

  it('names what a verification found to be bad', async () => {
    const findings = [
      { kind: 'bad' as const, path: '/srv/a.tar', runId: RUN_ID, config: 'nightly', what: 'verification v1' },
    ];
    const { ending, out } = await asked({ storages: STORAGES, findings }, 'scan');
    expect(ending).toBe('failed');
    expect(out).toMatch(/BAD +\/srv\/a.tar.*verification v1/);
  });

  it('adopts what is unknown, and says what it refused', async () => {
    const adopted = [{ runId: RUN_ID, config: 'nightly', path: '/srv/backups/a.tar' }];
    const all = await asked({ adopted, refused: [] }, 'adopt');
    expect(all).toMatchObject({ ending: 'ok', path: '/repository/adopt' });
    expect(all.out).toMatch(/None of them is proven yet.*hozen verify/);
    const refused = [{ kind: 'damaged' as const, path: '/srv/backups/b.tar', what: 'it has 1 bytes instead of 2' }];
    const { ending, out } = await asked({ adopted: [], refused }, 'adopt');
    expect(ending).toBe('failed');
    expect(out).toContain('it has 1 bytes instead of 2');
    expect(out).not.toContain('proven');
  });
});
