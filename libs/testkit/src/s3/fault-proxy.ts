import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Transform } from 'node:stream';

/** What goes wrong with a request. The server sees it or not, as it is said. */
export interface Fault {
  /** Answered so, without the server. */
  answer?: { status: number; code: string };
  /** The server does it, and its answer is lost with the connection. */
  loseAnswer?: true;
  /** The server does nothing; 200 is answered with an error in the body, as S3 does when a completion fails late. */
  errorIn200?: string;
  /** The answer breaks off after so many bytes of its body. */
  cutAt?: number;
  /** The ETag of the answer is another one. */
  wrongEtag?: true;
  /** No answer ever. */
  stall?: true;
  /** The body of the request passes no faster, evenly: the client has to wait. */
  bytesPerSecond?: number;
}

export interface SeenRequest {
  method: string;
  /** Path and query. */
  url: string;
}

/** Stands before a real server and breaks what it is told to break. Everything else passes through, bit by bit. */
export class FaultProxy implements AsyncDisposable {
  #plan: (seen: SeenRequest) => Fault | undefined = () => undefined;

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
  ) {}

  static async before(target: string): Promise<FaultProxy> {
    const server = createServer();
    const proxy = new FaultProxy(server, new URL(target));
    server.on('request', (from, to) => proxy.#pass(from, to));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** From now on, requests are asked of `plan`; what it gives happens to them. */
  breaks(plan: (seen: SeenRequest) => Fault | undefined): void {
    this.#plan = plan;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #pass(from: IncomingMessage, to: ServerResponse): void {
    const { method = '', url = '', headers } = from;
    const fault: Fault = this.#plan({ method, url }) ?? {};
    if (fault.stall) return void from.resume();
    if (fault.answer) return answer(from, to, fault.answer.status, fault.answer.code);
    if (fault.errorIn200 !== undefined) return answer(from, to, 200, fault.errorIn200);
    // The host stays as the client signed it.
    const onward = request({ host: this.target.hostname, port: this.target.port, method, path: url, headers });
    onward.on('error', () => to.destroy());
    onward.on('response', (response) => {
      if (fault.loseAnswer) {
        response.resume().on('end', () => to.destroy());
        return;
      }
      const replied = { ...response.headers };
      if (fault.wrongEtag) replied.etag = '"00000000000000000000000000000000"';
      to.writeHead(response.statusCode ?? 502, replied);
      if (fault.cutAt !== undefined) cut(response, to, fault.cutAt);
      else response.pipe(to);
    });
    if (fault.bytesPerSecond === undefined) from.pipe(onward);
    else from.pipe(narrow(fault.bytesPerSecond)).pipe(onward);
  }
}

function answer(from: IncomingMessage, to: ServerResponse, status: number, code: string): void {
  from.resume().on('end', () => {
    const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${code}</Message></Error>`;
    to.writeHead(status, { 'content-type': 'application/xml' }).end(body);
  });
}

function narrow(bytesPerSecond: number): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, pass) {
      setTimeout(() => pass(null, chunk), (chunk.length / bytesPerSecond) * 1000);
    },
  });
}

function cut(response: IncomingMessage, to: ServerResponse, at: number): void {
  let sent = 0;
  response.on('data', (chunk: Buffer) => {
    const rest = chunk.subarray(0, Math.max(0, at - sent));
    sent += chunk.length;
    to.write(rest, () => {
      if (sent >= at) to.destroy();
    });
  });
  response.on('end', () => to.end());
}
