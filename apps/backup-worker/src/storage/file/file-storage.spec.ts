import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { aJob } from '../../job.fixture.js';
import type { BackupJob } from '../../job.js';
import { EMPTY_SUMMARY as summary } from '../../methods/dump-summary.fixture.js';
import { artefactPaths } from '../artefact-paths.js';
import { cleanUp } from '../clean-up.js';
import { commitArtefact } from '../commit-artefact.js';
import { openArtefact } from '../open-artefact.js';

/** Looks at the folder whenever something is made durable there. */
const onSync = vi.hoisted(() => ({ look: (): void => undefined }));
vi.mock('./durable.js', async (original) => {
  const real = await original<typeof import('./durable.js')>();
  return {
    ...real,
    syncDirectory: async (directory: string) => {
      onSync.look();
      await real.syncDirectory(directory);
    },
  };
});

const holding = { ensureLease: () => undefined };

let folder: TempDir;
beforeEach(async () => {
  folder = await tempDir();
});
afterEach(async () => {
  onSync.look = () => undefined;
  vi.unstubAllEnvs();
  await folder[Symbol.asyncDispose]();
});

async function committed(job: BackupJob) {
  const writer = await openArtefact(job);
  await writer.addFile('data', Buffer.from('content'));
  return commitArtefact(job, writer, summary, holding);
}

// What holds in every kind of storage: see storage.spec.ts.
describe('artefacts in a folder', () => {
  it('are private', async () => {
    const { path, checksumPath, manifestPath } = await committed(aJob(folder.path));
    for (const file of [path, checksumPath, manifestPath]) expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  });

  it('lose what would publish them before they lose their data', async () => {
    const job = aJob(folder.path);
    vi.stubEnv('HOZEN_FAILPOINTS', 'commit.after-checksum=throw');
    await expect(committed(job)).rejects.toThrow('failpoint');
    vi.unstubAllEnvs();
    const paths = artefactPaths(job);
    const seen: { data: boolean; publishable: boolean }[] = [];
    onSync.look = () => {
      seen.push({ data: existsSync(paths.data), publishable: existsSync(paths.partial('manifest')) });
    };
    await cleanUp({ ...job, epoch: 2 });
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.filter(({ data, publishable }) => publishable && !data)).toEqual([]);
  });
});
