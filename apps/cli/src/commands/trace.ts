import type { RunView } from '@hozen/contracts';
import type { ReceivedSpan } from '@hozen/telemetry';
import type { Context } from '../context.js';
import type { Ending } from '../exit-codes.js';
import { call } from '../services/call.js';
import { spansFromJaeger } from '../traces/jaeger.js';
import { KEPT_TRACE_DAYS, TraceStore, tracesFolder } from '../traces/trace-store.js';
import { waterfallText } from '../traces/waterfall.js';

const TRACE_ID = /^[0-9a-f]{32}$/;

/** `hozen trace <run>`: from Jaeger where one is named, else from the spans that `hozen up` keeps. */
export async function trace(context: Context, id: string): Promise<Ending> {
  const traceId = await traceIdFor(context, id);
  if (traceId === undefined) {
    context.err.write(`${context.text('trace.no-id', { id })}\n`);
    return 'failed';
  }
  const spans = await spansOf(context, traceId);
  if (context.json) context.out.write(`${JSON.stringify({ traceId, spans })}\n`);
  else if (spans.length > 0) context.out.write(waterfallText(context, traceId, spans));
  else context.err.write(`${context.text('trace.none', { id: traceId, days: KEPT_TRACE_DAYS })}\n`);
  return spans.length > 0 ? 'ok' : 'failed';
}

async function traceIdFor(context: Context, id: string): Promise<string | undefined> {
  if (TRACE_ID.test(id)) return id;
  return (await call<RunView>(context, 'backup-worker', `/backups/${encodeURIComponent(id)}`)).traceId;
}

async function spansOf(context: Context, traceId: string): Promise<ReceivedSpan[]> {
  const jaeger = context.env['HOZEN_JAEGER_URL'];
  return jaeger ? spansFromJaeger(jaeger, traceId) : new TraceStore(tracesFolder(context.home)).read(traceId);
}
