export * from './failpoint.js';
export * from './logger.js';
export { counter, gauge, histogram, metricsHandler } from './metrics.js';
export * from './otlp-receiver.js';
export { shutdownTelemetry } from './shutdown.js';
export * from './spans.js';
