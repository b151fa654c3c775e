import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

export type AttributeValue = string | number | boolean | null;

/** A span as it was received. Times in milliseconds since 1970. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  service: string;
  name: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number;
  startMs: number;
  endMs: number;
  attributes: Record<string, AttributeValue>;
  events: { name: string; timeMs: number; attributes: Record<string, AttributeValue> }[];
  error?: string;
}

const KEPT_SPANS = 50_000;

/**
 * Receives OTLP/HTTP traces (JSON) where no Jaeger runs: `hozen up` keeps them for `hozen trace`, tests assert on them.
 * Source: OTLP 1.x specification, OTLP/HTTP.
 */
export class OtlpReceiver {
  private readonly received: ReceivedSpan[] = [];
  private readonly waiting = new Set<() => void>();

  private constructor(
    private readonly server: Server,
    private readonly onSpans: (spans: ReceivedSpan[]) => void,
  ) {}

  static async start(
    options: { host?: string; port?: number; onSpans?: (spans: ReceivedSpan[]) => void } = {},
  ): Promise<OtlpReceiver> {
    const server = createServer();
    const receiver = new OtlpReceiver(server, options.onSpans ?? (() => undefined));
    server.on('request', (request, response) => {
      receiver.receive(request).then(
        () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
        (error: Error) => response.writeHead(400).end(error.message),
      );
    });
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  get url(): string {
    const { address, port } = this.server.address() as AddressInfo;
    return `http://${address}:${port}`;
  }

  spans(traceId?: string): ReceivedSpan[] {
    return this.received.filter((span) => traceId === undefined || span.traceId === traceId);
  }

  /** Waits until the spans received so far satisfy `enough`. */
  async waitFor(enough: (spans: ReceivedSpan[]) => boolean, timeoutMs = 20_000): Promise<ReceivedSpan[]> {
    const deadline = AbortSignal.timeout(timeoutMs);
    while (!enough(this.received)) {
      if (deadline.aborted) {
        const seen = this.received.map((span) => `${span.service}: ${span.name}`).join('\n');
        throw new Error(`the expected spans did not arrive within ${timeoutMs} ms; received:\n${seen}`);
      }
      await new Promise<void>((resolve) => {
        this.waiting.add(resolve);
        deadline.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    return this.received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async receive(request: IncomingMessage): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks);
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
    const spans = spansOf(JSON.parse(body.toString('utf8')) as ExportRequest);
    this.received.push(...spans);
    if (this.received.length > KEPT_SPANS) this.received.splice(0, this.received.length - KEPT_SPANS);
    this.onSpans(spans);
    for (const wake of this.waiting) wake();
    this.waiting.clear();
  }
}

interface KeyValue {
  key: string;
  value: { stringValue?: string; intValue?: string | number; doubleValue?: number; boolValue?: boolean };
}
interface ExportRequest {
  resourceSpans?: {
    resource?: { attributes?: KeyValue[] };
    scopeSpans?: { spans?: WireSpan[] }[];
  }[];
}
interface WireSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: KeyValue[];
  events?: { name: string; timeUnixNano: string; attributes?: KeyValue[] }[];
  status?: { code?: number; message?: string };
}

const STATUS_ERROR = 2;

function spansOf(request: ExportRequest): ReceivedSpan[] {
  return (request.resourceSpans ?? []).flatMap(({ resource, scopeSpans }) => {
    const service = String(attributesOf(resource?.attributes)['service.name'] ?? 'unknown');
    return (scopeSpans ?? []).flatMap(({ spans }) => (spans ?? []).map((span) => spanOf(span, service)));
  });
}

function spanOf(span: WireSpan, service: string): ReceivedSpan {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId ? { parentSpanId: span.parentSpanId } : {}),
    service,
    name: span.name,
    kind: span.kind,
    startMs: milliseconds(span.startTimeUnixNano),
    endMs: milliseconds(span.endTimeUnixNano),
    attributes: attributesOf(span.attributes),
    events: (span.events ?? []).map((event) => ({
      name: event.name,
      timeMs: milliseconds(event.timeUnixNano),
      attributes: attributesOf(event.attributes),
    })),
    ...(span.status?.code === STATUS_ERROR ? { error: span.status.message ?? '' } : {}),
  };
}

function attributesOf(list: KeyValue[] | undefined): Record<string, AttributeValue> {
  return Object.fromEntries(
    (list ?? []).map(({ key, value }) => [key, (Object.values(value)[0] as AttributeValue) ?? null]),
  );
}

function milliseconds(nanoseconds: string): number {
  return Number(BigInt(nanoseconds) / 1000n) / 1000;
}
