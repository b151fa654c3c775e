import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { eventually, freePort } from '@hozen/testkit';

/** A span as Jaeger's query API shows it. */
export interface JaegerSpan {
  spanID: string;
  operationName: string;
  processID: string;
  references: { refType: string; spanID: string }[];
  tags: { key: string; value: unknown }[];
}
export interface JaegerTrace {
  spans: JaegerSpan[];
  processes: Record<string, { serviceName: string }>;
}

/** A real Jaeger, all in one process, in memory. */
export class Jaeger implements AsyncDisposable {
  private constructor(
    private readonly child: ChildProcess,
    readonly otlpUrl: string,
    readonly queryUrl: string,
  ) {}

  static async start(binary: string): Promise<Jaeger> {
    const names = [
      'otlpHttp',
      'otlpGrpc',
      'query',
      'queryGrpc',
      'admin',
      'agent',
      'collectorHttp',
      'collectorGrpc',
    ] as const;
    const ports = new Map<(typeof names)[number], number>();
    for (const name of names) ports.set(name, await freePort());
    const at = (name: (typeof names)[number]) => `127.0.0.1:${ports.get(name)}`;
    const child = spawn(
      binary,
      [
        `--collector.otlp.http.host-port=${at('otlpHttp')}`,
        `--collector.otlp.grpc.host-port=${at('otlpGrpc')}`,
        `--query.http-server.host-port=${at('query')}`,
        `--query.grpc-server.host-port=${at('queryGrpc')}`,
        `--admin.http.host-port=${at('admin')}`,
        `--collector.http-server.host-port=${at('collectorHttp')}`,
        `--collector.grpc-server.host-port=${at('collectorGrpc')}`,
      ],
      { stdio: 'ignore' },
    );
    const jaeger = new Jaeger(child, `http://${at('otlpHttp')}`, `http://${at('query')}`);
    try {
      await eventually(async () => jaeger.services(), { within: 30_000 });
      return jaeger;
    } catch (error) {
      await jaeger[Symbol.asyncDispose]();
      throw error;
    }
  }

  async services(): Promise<string[]> {
    return this.ask<string[]>('/api/services');
  }

  async trace(traceId: string): Promise<JaegerTrace> {
    const [trace] = await this.ask<JaegerTrace[]>(`/api/traces/${traceId}`);
    if (!trace) throw new Error(`Jaeger has no trace ${traceId}`);
    return trace;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }

  private async ask<T>(path: string): Promise<T> {
    const response = await fetch(`${this.queryUrl}${path}`);
    if (!response.ok) throw new Error(`Jaeger answers ${response.status} to ${path}`);
    const { data } = (await response.json()) as { data: T };
    return data;
  }
}

/** HOZEN_JAEGER, or `jaeger-all-in-one` on PATH. @returns undefined where there is none */
export async function findJaeger(): Promise<string | undefined> {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const candidates = [process.env['HOZEN_JAEGER'], ...folders.map((folder) => join(folder, 'jaeger-all-in-one'))];
  for (const candidate of candidates) {
    if (
      candidate &&
      (await access(candidate).then(
        () => true,
        () => false,
      ))
    )
      return candidate;
  }
  return undefined;
}
