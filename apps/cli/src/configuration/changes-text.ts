import type { ChangeView } from '@hozen/contracts';
import type { Context } from '../context.js';
import { oneLine } from '../terminal/styles.js';

/** Changes as a diff: `+` created, `~` changed with before and after, the rest counted. */
export function changesText(context: Context, changes: ChangeView[]): string {
  const unchanged = changes.filter(({ change }) => change === 'unchanged').length;
  const lines = changes.flatMap((change) => linesOf(context, change));
  if (unchanged > 0) lines.push(context.styles.dim(`  ${context.text('apply.unchanged', { count: unchanged })}`));
  return lines.map((line) => `${line}\n`).join('');
}

function linesOf(context: Context, { kind, name, change, fields }: ChangeView): string[] {
  const { styles } = context;
  const what = `${kind} ${oneLine(name)}`;
  if (change === 'unchanged') return [];
  if (change === 'create') {
    return [
      styles.good(`+ ${what}`),
      ...fields.map(({ field, after }) => styles.good(`    ${field}: ${shown(after)}`)),
    ];
  }
  return [
    styles.warn(`~ ${what}`),
    ...fields.map(
      ({ field, before, after }) => `    ${field}: ${styles.bad(shown(before))} → ${styles.good(shown(after))}`,
    ),
  ];
}

function shown(value: unknown): string {
  return value === undefined ? '—' : oneLine(typeof value === 'string' ? value : JSON.stringify(value));
}
