import type { PrivatePostgres } from '@hozen/dbms';
import { startNatsServer, type NatsServer, type NatsServerSettings } from '@hozen/messaging';
import { keepRunning, type KeptServer } from './keep-running.js';
import type { Say } from './say.js';

export function keptPostgres(name: string, server: PrivatePostgres): KeptServer {
  return {
    name,
    logFile: server.logFile,
    isRunning: () => server.pid !== undefined,
    restart: () => server.restart(),
  };
}

/** A nats-server has one life; after its death another one takes its port and its store. */
export class KeptNats implements AsyncDisposable {
  private running = true;
  private readonly unwatch: () => Promise<void>;

  constructor(
    private server: NatsServer,
    settings: NatsServerSettings & { logFile: string },
    say: Say,
  ) {
    this.watchDeath();
    const restart = async () => {
      this.server = await startNatsServer({ ...settings, port: this.server.port });
      this.watchDeath();
    };
    this.unwatch = keepRunning(
      { name: 'nats-server', logFile: settings.logFile, isRunning: () => this.running, restart },
      say,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unwatch();
    await this.server.stop();
  }

  private watchDeath(): void {
    this.running = true;
    void this.noteDeath();
  }

  private async noteDeath(): Promise<void> {
    await this.server.exited;
    this.running = false;
  }
}
