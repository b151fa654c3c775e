import { HozenError } from '@hozen/contracts';
import type { ReceivedSpan } from '@hozen/telemetry';

const LONGEST_ANSWER_MS = 15_000;
const KINDS = ['internal', 'server', 'client', 'producer', 'consumer'];

interface JaegerTag {
  key: string;
  value: string | number | boolean;
}
interface JaegerSpan {
  traceID: string;
  spanID: string;
  operationName: string;
  references?: { refType: string; spanID: string }[];
  /** Microseconds since 1970. */
  startTime: number;
  /** Microseconds. */
  duration: number;
  tags?: JaegerTag[];
  logs?: { timestamp: number; fields: JaegerTag[] }[];
  processID: string;
}
interface JaegerAnswer {
  data?: { spans: JaegerSpan[]; processes: Record<string, { serviceName: string }> }[];
}

/** The spans of a trace by Jaeger's query API (`/api/traces/{id}`). Unknown trace: none. */
export async function spansFromJaeger(url: string, traceId: string): Promise<ReceivedSpan[]> {
  const address = `${url.replace(/\/$/, '')}/api/traces/${traceId}`;
  const unreachable = (cause: unknown) =>
    new HozenError('SERVICE_UNREACHABLE', { url: address, variable: 'HOZEN_JAEGER_URL' }, { cause });
  const response = await fetch(address, { signal: AbortSignal.timeout(LONGEST_ANSWER_MS) }).catch((cause: unknown) => {
    throw unreachable(cause);
  });
  if (response.status === 404) return [];
  if (!response.ok) throw unreachable(new Error(`it answered ${response.status}`));
  const { data = [] } = (await response.json()) as JaegerAnswer;
  return data.flatMap(({ spans, processes }) =>
    spans.map((span) => spanOf(span, processes[span.processID]?.serviceName ?? 'unknown')),
  );
}

function spanOf(span: JaegerSpan, service: string): ReceivedSpan {
  const attributes = attributesOf(span.tags);
  const parent = span.references?.find(({ refType }) => refType === 'CHILD_OF')?.spanID;
  const failed = attributes['error'] === true || attributes['otel.status_code'] === 'ERROR';
  return {
    traceId: span.traceID,
    spanId: span.spanID,
    ...(parent === undefined ? {} : { parentSpanId: parent }),
    service,
    name: span.operationName,
    kind: KINDS.indexOf(String(attributes['span.kind'] ?? 'internal')) + 1,
    startMs: span.startTime / 1000,
    endMs: (span.startTime + span.duration) / 1000,
    attributes,
    events: (span.logs ?? []).map(({ timestamp, fields }) => {
      const all = attributesOf(fields);
      return { name: String(all['event'] ?? 'event'), timeMs: timestamp / 1000, attributes: all };
    }),
    ...(failed ? { error: String(attributes['otel.status_description'] ?? '') } : {}),
  };
}

function attributesOf(tags: JaegerTag[] = []): ReceivedSpan['attributes'] {
  return Object.fromEntries(tags.map(({ key, value }) => [key, value]));
}
