import { Broker, JetStreamServer } from '@hozen/messaging';
import { Controller, Get, HttpStatus, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { ServerResponse } from 'node:http';
import { DataSource } from 'typeorm';

type Check = 'up' | 'down';

const DATABASE_ANSWER_MS = 2_000;

/** For whoever starts and watches the service: alive means do not restart it, ready means it can work now. */
@ApiExcludeController()
@Controller('health')
export class HealthController {
  constructor(
    private readonly dataSource: DataSource,
    private readonly broker: Broker,
    private readonly server: JetStreamServer,
  ) {}

  @Get('live')
  live(): { status: 'live' } {
    return { status: 'live' };
  }

  @Get('ready')
  async ready(
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<{ status: 'ready' | 'not ready'; database: Check; broker: Check; lanes: Check }> {
    const database = (await this.#databaseAnswers()) ? 'up' : 'down';
    const broker = this.broker.isConnected ? 'up' : 'down';
    const lanes = this.server.isReady ? 'up' : 'down';
    const isReady = database === 'up' && broker === 'up' && lanes === 'up';
    if (!isReady) response.statusCode = HttpStatus.SERVICE_UNAVAILABLE;
    return { status: isReady ? 'ready' : 'not ready', database, broker, lanes };
  }

  async #databaseAnswers(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), DATABASE_ANSWER_MS);
    });
    const answered = this.dataSource.query('select 1').then(
      () => true,
      () => false,
    );
    const result = await Promise.race([answered, late]);
    clearTimeout(timer);
    return result;
  }
}
