import type { IncomingMessage, ServerResponse } from 'node:http';
import { metrics, type Attributes, type Counter, type Histogram } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';

/** Read by the service's own HTTP server at `/metrics`; it opens no port of its own. */
export const prometheus = new PrometheusExporter({ preventServerStart: true });

const meter = () => metrics.getMeter('hozen');

export function counter(name: string, help: string): Counter {
  return meter().createCounter(name, { description: help });
}

/** @param unit `s`, `By` or another UCUM unit. */
export function histogram(name: string, help: string, unit: string): Histogram {
  return meter().createHistogram(name, { description: help, unit });
}

/** A value that is asked for at each scrape. */
export function gauge(
  name: string,
  help: string,
  observe: () => Promise<{ value: number; attributes?: Attributes }[]>,
) {
  meter()
    .createObservableGauge(name, { description: help })
    .addCallback(async (result) => {
      for (const { value, attributes } of await observe()) result.observe(value, attributes);
    });
}

/** Answers a scrape in Prometheus' text format. */
export function metricsHandler(request: IncomingMessage, response: ServerResponse): void {
  prometheus.getMetricsRequestHandler(request, response);
}
