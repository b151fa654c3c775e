import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { freePort } from '@hozen/dbms';
import { eventually } from '../eventually.js';
import { tempDir, type TempDir } from '../temp-dir.js';
import { NO_S3, s3Program } from './s3-program.js';

/** A versitygw of the test's own, on 127.0.0.1 and a free port, with one bucket. Its objects are files in `folder`. */
export class TestS3 implements AsyncDisposable {
  private constructor(
    private readonly child: ChildProcess,
    private readonly temp: TempDir,
    readonly url: string,
    readonly accessKey: string,
    readonly secretKey: string,
  ) {}

  readonly bucket = 'backups';

  static async start(): Promise<TestS3> {
    const program = s3Program();
    if (program === undefined) throw new Error(NO_S3);
    const temp = await tempDir();
    const [accessKey, secretKey] = ['hozen-test', randomBytes(16).toString('hex')];
    await mkdir(temp.join('objects', 'backups'), { recursive: true });
    await mkdir(temp.join('sidecar'));
    const port = await freePort();
    const args = ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', '--sidecar', temp.join('sidecar')];
    // The keys by environment: arguments are seen by everybody.
    const env = { PATH: process.env['PATH'], ROOT_ACCESS_KEY_ID: accessKey, ROOT_SECRET_ACCESS_KEY: secretKey };
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args, temp.join('objects')], {
      env,
      stdio: 'ignore',
    });
    const server = new TestS3(child, temp, `http://127.0.0.1:${port}`, accessKey, secretKey);
    try {
      await eventually(async () => {
        if (child.exitCode !== null) throw new Error(`the S3 server ended with ${child.exitCode}`);
        await fetch(server.url);
      });
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where the server keeps the object `s3://backups/...`. */
  fileOf(path: string): string {
    return this.temp.join('objects', path.slice('s3://'.length));
  }

  /** The storage of a config, as backups.yaml has it. The keys stand in variables of this process. */
  storage(prefix: string, endpoint = this.url): Record<string, unknown> & { kind: 's3'; bucket: string } {
    const name = `HOZEN_TEST_S3_${new URL(this.url).port}`;
    process.env[`${name}_ACCESS`] = this.accessKey;
    process.env[`${name}_SECRET`] = this.secretKey;
    const keys = { accessKey: `env:${name}_ACCESS`, secretKey: `env:${name}_SECRET` };
    return { kind: 's3', bucket: this.bucket, prefix, endpoint, ...keys };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, 'exit');
      this.child.kill('SIGKILL');
      await ended;
    }
    await this.temp[Symbol.asyncDispose]();
  }
}
