import { writeFile } from 'node:fs/promises';
import { FaultProxy, NO_S3, s3Program, tempDir, TestS3, type TempDir } from '@hozen/testkit';

const BYTES_PER_SECOND = 8_000_000;

/** A storage that takes its bytes slowly: a bucket behind a narrow line. */
export class SlowBucket implements AsyncDisposable {
  private constructor(
    private readonly s3: TestS3,
    private readonly proxy: FaultProxy,
    private readonly keys: TempDir,
  ) {}

  /** @returns why there is none */
  static async start(): Promise<SlowBucket | string> {
    if (s3Program() === undefined) return NO_S3;
    const s3 = await TestS3.start();
    const keys = await tempDir();
    await writeFile(keys.join('access'), s3.accessKey);
    await writeFile(keys.join('secret'), s3.secretKey);
    const proxy = await FaultProxy.before(s3.url);
    proxy.breaks(({ method }) => (method === 'PUT' ? { bytesPerSecond: BYTES_PER_SECOND } : undefined));
    return new SlowBucket(s3, proxy, keys);
  }

  /** As a config has it. */
  get storage(): object {
    const { s3, proxy, keys } = this;
    const references = { accessKey: `file:${keys.join('access')}`, secretKey: `file:${keys.join('secret')}` };
    return { kind: 's3', bucket: s3.bucket, prefix: 'slow', endpoint: proxy.url, ...references };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of [this.proxy, this.s3, this.keys]) await each[Symbol.asyncDispose]();
  }
}
