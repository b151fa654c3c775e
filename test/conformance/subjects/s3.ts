import { mkdir } from 'node:fs/promises';
import { FaultProxy, NO_S3, s3Program, TestS3 } from '@hozen/testkit';
import { fileSums, fillTree, growTree } from '../content/tree.js';
import { WORKER_MB, type Content, type Subject } from '../subject.js';
import { afterwards } from './afterwards.js';

/** The objects of a bucket, whose server keeps them as files; restored below another prefix. */
export const s3: Subject = {
  method: 's3',
  empty: { state: 'completed' },
  broken: { state: 'failed', codes: ['STORAGE_IO'] },
  // The proof walks the restored tree.
  large: [{ what: 'objects', count: 200_000, limit: (count) => WORKER_MB + (count * 1500) / 1e6 }],
  missing: () => Promise.resolve(s3Program() === undefined ? NO_S3 : undefined),
  async open() {
    const server = await TestS3.start();
    const proxy = await FaultProxy.before(server.url);
    const keys = { accessKey: 'env:SOURCE_ACCESS_KEY', secretKey: 'env:SOURCE_SECRET_KEY' };
    const bucket = { kind: 's3', bucket: server.bucket, endpoint: proxy.url, ...keys };
    const root = server.fileOf(`s3://${server.bucket}/source`);
    await mkdir(root);
    return {
      secrets: { SOURCE_ACCESS_KEY: server.accessKey, SOURCE_SECRET_KEY: server.secretKey },
      targets: [{ name: 'documents', ...bucket, prefix: 'source' }],
      config: { method: 's3' },
      fill: (content: Content) => fillTree(root, content, 'files'),
      grow: (_what: string, count: number) => growTree(root, count),
      content: () => fileSums(root),
      async restored(trial) {
        const prefix = `restored-${crypto.randomUUID()}`;
        await trial.stack.configureBackups({ targets: [{ name: prefix, ...bucket, prefix }], configs: [] });
        await trial.restore({ config: trial.config, target: prefix });
        const folder = server.fileOf(`s3://${server.bucket}/${prefix}`);
        await mkdir(folder, { recursive: true });
        return await fileSums(folder);
      },
      leftovers: () => Promise.resolve([]),
      break() {
        proxy.breaks(() => ({ answer: { status: 500, code: 'InternalError' } }));
        return Promise.resolve(afterwards(() => Promise.resolve(proxy.breaks(() => undefined))));
      },
      async [Symbol.asyncDispose]() {
        await proxy[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  },
};
