import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RestorePlanView } from '@hozen/contracts';
import { NO_S3, s3Program, TestS3 } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stack } from '../src/stack.js';

describe.skipIf(s3Program() === undefined)(`the objects of a bucket (${NO_S3})`, { timeout: 180_000 }, () => {
  let s3: TestS3;
  let stack: Stack;

  beforeAll(async () => {
    s3 = await TestS3.start();
    await put('contracts/契約 1.txt', 'first');
    await put('large', 'x'.repeat(3_000_000));
    stack = await Stack.start(['notifier'], { HOZEN_TEST_KEY: s3.accessKey, HOZEN_TEST_SECRET: s3.secretKey });
  }, 120_000);
  afterAll(async () => {
    for (const each of [stack, s3]) await each?.[Symbol.asyncDispose]();
  });

  /** The server keeps its objects as files. */
  async function put(key: string, content: string): Promise<void> {
    const file = s3.fileOf(`s3://backups/source/${key}`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }

  it('are backed up over the death of a worker, then in an increment, proven, told of, and restored into a bucket', async () => {
    const dying = await stack.startService('backup-worker', {
      HOZEN_FAILPOINTS: `commit.after-data=kill@${stack.home.join('marker')}`,
    });
    const keys = { accessKey: 'env:HOZEN_TEST_KEY', secretKey: 'env:HOZEN_TEST_SECRET' };
    const bucket = { kind: 's3', bucket: s3.bucket, endpoint: s3.url, ...keys };
    await stack.configureBackups({
      targets: [
        { name: 'documents', ...bucket, prefix: 'source' },
        { name: 'elsewhere', ...bucket, prefix: 'restored' },
      ],
      configs: [
        {
          name: 'hourly',
          target: 'documents',
          method: 's3',
          level: 'incremental',
          storage: { kind: 'file', path: stack.home.join('storage') },
        },
      ],
    });
    const request = await stack.request('backup.requested', { config: 'hourly' });
    await dying.exit();
    await stack.startService('backup-worker');
    const full = await stack.runEnded(request, 120_000);
    expect(full.error).toBeUndefined();
    expect(full).toMatchObject({
      state: 'completed',
      level: 'full',
      artefact: { proof: { level: 'restore', files: 4 } },
    });
    await stack.mail.waitFor(({ text }) => text.includes(full.id) && text.includes('4 paths'));

    await put('contracts/契約 2.txt', 'second');
    const increment = await stack.runEnded(await stack.request('backup.requested', { config: 'hourly' }), 120_000);
    expect(increment).toMatchObject({ state: 'completed', level: 'incremental', warnings: [] });
    const manifest: unknown = JSON.parse(await readFile(`${increment.artefact?.path}.manifest.json`, 'utf8'));
    expect(manifest).toMatchObject({ files: { stored: { bytes: 6 }, parent: { runId: full.id } } });

    const body = { config: 'hourly', target: 'elsewhere' };
    const plan = await stack.post<RestorePlanView>('backup-worker', '/restores/plan', body);
    expect(plan).toMatchObject({ obstacles: [], to: { target: 's3://backups/restored' } });
    const restore = await stack.restoreEnded(await stack.request('restore.requested', body), 120_000);
    expect(restore.error).toBeUndefined();
    expect(restore).toMatchObject({ state: 'completed', target: 'elsewhere' });
    const back = (key: string) => readFile(s3.fileOf(`s3://backups/restored/${key}`), 'utf8');
    expect(await back('contracts/契約 2.txt')).toBe('second');
    expect((await back('large')).length).toBe(3_000_000);
    const again = await stack.post<RestorePlanView>('backup-worker', '/restores/plan', body);
    expect(again.obstacles).toEqual([{ kind: 'bucket-taken', what: 's3://backups/restored' }]);
  });
});
