import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { BatchSpanProcessor, type SpanProcessor } from '@opentelemetry/sdk-trace';
import { register } from 'import-in-the-middle/register-hooks.mjs';
import { prometheus } from './metrics.js';
import { onShutdown } from './shutdown.js';

/**
 * Starts OpenTelemetry before any service code is loaded.
 * Spans go to `OTEL_EXPORTER_OTLP_ENDPOINT` by OTLP/HTTP. Without it they go nowhere, but traces still have ids, so that
 * records and logs of one run can be found together.
 */
register({ include: ['pg', 'pg-pool', 'http', 'https', 'node:http', 'node:https'] });

const UNTRACED_PATHS = ['/health', '/metrics'];

const sdk = new NodeSDK({
  resource: resourceFromAttributes({ 'service.name': process.env['OTEL_SERVICE_NAME'] ?? 'hozen' }),
  spanProcessors: [spanProcessor()],
  metricReaders: [prometheus],
  instrumentations: [
    // Polling the outbox every second must not make a trace of its own each time.
    new PgInstrumentation({ requireParentSpan: true }),
    new HttpInstrumentation({
      ignoreIncomingRequestHook: (request) => UNTRACED_PATHS.some((path) => request.url?.startsWith(path)),
      requireParentforOutgoingSpans: true,
    }),
    new UndiciInstrumentation({ requireParentforSpans: true }),
  ],
});
sdk.start();
onShutdown(() => sdk.shutdown());

function spanProcessor(): SpanProcessor {
  if (process.env['OTEL_EXPORTER_OTLP_ENDPOINT']) {
    return new BatchSpanProcessor({ exporter: new OTLPTraceExporter(), scheduledDelayMillis: 500 });
  }
  return {
    onStart: () => undefined,
    onEnd: () => undefined,
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
}
