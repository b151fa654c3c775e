import { readFile, rm } from 'node:fs/promises';
import { startNatsServer, type NatsServer } from '@hozen/messaging';
import { tempDir, type TempDir } from '../temp-dir.js';

/** A nats-server with JetStream of the test's own, on 127.0.0.1 and a free port. */
export class TestNats implements AsyncDisposable {
  private constructor(
    private readonly folder: TempDir,
    private server: NatsServer,
    private stopped = false,
  ) {}

  static async start(): Promise<TestNats> {
    const folder = await tempDir();
    try {
      return new TestNats(folder, await startNatsServer({ storeDir: folder.join('store'), logFile: logIn(folder) }));
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  get url(): string {
    return this.server.url;
  }

  get port(): number {
    return this.server.port;
  }

  /** Undefined when it is stopped. */
  get pid(): number | undefined {
    return this.stopped ? undefined : this.server.pid;
  }

  get storeDir(): string {
    return this.server.storeDir;
  }

  /** Returns when the process is gone. SIGKILL is a crash. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    this.stopped = true;
    await this.server.stop(signal);
  }

  /** Starts it again on the same port, with the same store. */
  async restart(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.stop(signal);
    await this.launch();
  }

  /** Crashes it and starts it again with an empty store: every stream, consumer and message is gone. */
  async loseEverything(): Promise<void> {
    await this.stop('SIGKILL');
    await rm(this.storeDir, { recursive: true, force: true });
    await this.launch();
  }

  /** It goes on listening, but answers nothing until {@link resume}. */
  pause(): void {
    if (this.pid !== undefined) process.kill(this.pid, 'SIGSTOP');
  }

  resume(): void {
    if (this.pid !== undefined) process.kill(this.pid, 'SIGCONT');
  }

  /** What the server has written so far. */
  log(): Promise<string> {
    return readFile(logIn(this.folder), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    await this.folder[Symbol.asyncDispose]();
  }

  private async launch(): Promise<void> {
    const { storeDir, port } = this;
    this.server = await startNatsServer({ storeDir, port, logFile: logIn(this.folder) });
    this.stopped = false;
  }
}

function logIn(folder: TempDir): string {
  return folder.join('nats.log');
}
