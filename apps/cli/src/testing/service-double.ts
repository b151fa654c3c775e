import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  method: string;
  path: string;
  body: unknown;
  authorization: string | undefined;
}
export interface Answered {
  status?: number;
  body: unknown;
}

/** Stands in for the HTTP API of one of our services: answers as the test says and keeps what it was asked. */
export class ServiceDouble implements AsyncDisposable {
  readonly asked: Asked[] = [];

  private constructor(private readonly server: Server) {}

  static async start(answer: (asked: Asked) => Answered): Promise<ServiceDouble> {
    const server = createServer();
    const double = new ServiceDouble(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const asked = {
          method: request.method ?? '',
          path: request.url ?? '',
          body: text && (JSON.parse(text) as unknown),
          authorization: request.headers.authorization,
        };
        double.asked.push(asked);
        const { status = 200, body } = answer(asked);
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return double;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
