import { AsyncLocalStorage } from 'node:async_hooks';
import { trace } from '@opentelemetry/api';
import { pino, type Logger } from 'pino';

export type { Logger };

const fields = new AsyncLocalStorage<Record<string, unknown>>();

const root = pino({
  level: process.env['HOZEN_LOG_LEVEL'] ?? 'info',
  base: { service: process.env['OTEL_SERVICE_NAME'] ?? 'hozen', pid: process.pid },
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
  // A last wall; the first is that secrets never reach a log call.
  redact: { paths: ['password', '*.password', 'token', '*.token', 'secret', '*.secret'], censor: '(hidden)' },
  mixin: () => ({ ...traceFields(), ...fields.getStore() }),
});

/** A logger of one part of a service. Each line carries the trace id and the fields of {@link withLogFields}. */
export function logger(part: string): Logger {
  return root.child({ part });
}

/** Adds fields (the run id) to every line that is logged while `work` runs. */
export function withLogFields<T>(extra: Record<string, unknown>, work: () => T): T {
  return fields.run({ ...fields.getStore(), ...extra }, work);
}

function traceFields(): Record<string, string> {
  const span = trace.getActiveSpan()?.spanContext();
  return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
}
