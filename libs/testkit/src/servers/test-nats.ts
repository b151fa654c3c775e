import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import { findProgram, freePort, isRunning, runTool, type RunningTool } from '@hozen/dbms';
import { eventually } from '../eventually.js';
import { tempDir, type TempDir } from '../temp-dir.js';

/** A nats-server with JetStream of the test's own, on 127.0.0.1 and a free port. */
export class TestNats implements AsyncDisposable {
  private process: RunningTool | undefined;

  private constructor(
    private readonly program: string,
    private readonly folder: TempDir,
    readonly port: number,
  ) {}

  static async start(): Promise<TestNats> {
    const program = findProgram('nats-server');
    if (program === undefined) throw new Error('nats-server is not installed (Debian: apt-get install nats-server)');
    const nats = new TestNats(program, await tempDir(), await freePort());
    try {
      await nats.launch();
      return nats;
    } catch (error) {
      await nats[Symbol.asyncDispose]();
      throw error;
    }
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Undefined when it is stopped. */
  get pid(): number | undefined {
    return this.process?.pid;
  }

  get storeDir(): string {
    return this.folder.join('store');
  }

  /** Returns when the process is gone. SIGKILL is a crash. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const running = this.process;
    this.process = undefined;
    if (running?.pid === undefined) return;
    if (isRunning(running.pid)) process.kill(running.pid, signal);
    // How it ended does not matter: it was told to.
    await running.done.catch(() => undefined);
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
    return readFile(this.folder.join('nats.log'), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    await this.folder[Symbol.asyncDispose]();
  }

  private async launch(): Promise<void> {
    const args = ['-js', '-sd', this.storeDir, '-a', '127.0.0.1', '-p', String(this.port)];
    const running = runTool({
      path: this.program,
      args: [...args, '-l', this.folder.join('nats.log')],
      stdout: 'ignore',
    });
    this.process = running;
    const ended = running.done.then(() => {
      throw new Error('nats-server ended at once');
    });
    await Promise.race([eventually(() => greets(this.port)), ended]);
  }
}

/** A NATS server speaks first. */
async function greets(port: number): Promise<void> {
  const socket = connectSocket(port, '127.0.0.1');
  try {
    const [greeting] = (await once(socket, 'data')) as [Buffer];
    if (!greeting.toString().startsWith('INFO ')) throw new Error('somebody else listens there');
  } finally {
    socket.destroy();
  }
}
