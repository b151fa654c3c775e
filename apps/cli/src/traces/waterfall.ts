import type { ReceivedSpan } from '@hozen/telemetry';
import type { Context } from '../context.js';
import { cut, oneLine, padEnd, widthOf } from '../terminal/styles.js';
import { durationText } from '../terminal/units.js';

const DEFAULT_COLUMNS = 110;
const NARROWEST_BAR = 20;
const WIDEST_NAME = 60;

/** A span at its depth in the tree; a span whose parent is not there starts a tree of its own. */
interface Placed {
  span: ReceivedSpan;
  depth: number;
}

/** A trace as a tree with bars on one time axis: who called whom, when, for how long. */
export function waterfallText(context: Context, traceId: string, spans: ReceivedSpan[]): string {
  const { text, styles } = context;
  const placed = inTreeOrder(spans);
  const start = Math.min(...spans.map((span) => span.startMs));
  const end = Math.max(...spans.map((span) => span.endMs));
  const services = [...new Set(placed.map(({ span }) => span.service))];
  const names = placed.map(({ span, depth }) => cut(`${'  '.repeat(depth)}${oneLine(span.name)}`, WIDEST_NAME));
  const times = placed.map(({ span }) => durationText(span.endMs - span.startMs));
  const widths = {
    service: Math.max(...services.map(widthOf), widthOf(text('column.service'))),
    name: Math.max(...names.map(widthOf), widthOf(text('column.span'))),
    time: Math.max(...times.map(widthOf), widthOf(text('column.duration'))),
  };
  const columns = context.out.columns || DEFAULT_COLUMNS;
  const bar = Math.max(NARROWEST_BAR, columns - widths.service - widths.name - widths.time - 6);
  const title = text('trace.title', {
    id: traceId,
    spans: spans.length,
    services: services.join(', '),
    time: durationText(end - start),
  });
  const heading = [
    padEnd(text('column.service'), widths.service),
    padEnd(text('column.span'), widths.name),
    text('column.duration'),
  ].join('  ');
  const lines = placed.map(({ span }, index) => {
    const paint = span.error === undefined ? styles.accent : styles.bad;
    const cells = [
      padEnd(span.service, widths.service),
      padEnd(names[index] ?? '', widths.name),
      padEnd(times[index] ?? '', widths.time),
      paint(barText(span, start, end, bar)),
    ];
    const problem = span.error ? `\n${' '.repeat(widths.service + 2)}${styles.bad(`✗ ${oneLine(span.error)}`)}` : '';
    return cells.join('  ').trimEnd() + problem;
  });
  return [styles.bold(title), styles.dim(heading), ...lines].map((line) => `${line}\n`).join('');
}

/** Parents before children, siblings by their start. */
function inTreeOrder(spans: ReceivedSpan[]): Placed[] {
  const known = new Set(spans.map((span) => span.spanId));
  const children = new Map<string, ReceivedSpan[]>();
  for (const span of spans) {
    const parent = span.parentSpanId !== undefined && known.has(span.parentSpanId) ? span.parentSpanId : '';
    children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  const below = (parent: string, depth: number): Placed[] =>
    (children.get(parent) ?? [])
      .toSorted((one, other) => one.startMs - other.startMs)
      .flatMap((span) => [{ span, depth }, ...below(span.spanId, depth + 1)]);
  return below('', 0);
}

function barText(span: ReceivedSpan, start: number, end: number, width: number): string {
  const scale = end > start ? width / (end - start) : 0;
  const from = Math.min(width - 1, Math.floor((span.startMs - start) * scale));
  const length = Math.max(1, Math.min(width - from, Math.round((span.endMs - span.startMs) * scale)));
  return `${' '.repeat(from)}${'█'.repeat(length)}`;
}
