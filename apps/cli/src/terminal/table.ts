import type { Context } from '../context.js';
import { padEnd, widthOf } from './styles.js';

/** Rows under headings, columns as wide as their widest cell. */
export function tableText(context: Context, headings: string[], rows: string[][]): string {
  const widths = headings.map((heading, column) =>
    Math.max(widthOf(heading), ...rows.map((row) => widthOf(row[column] ?? ''))),
  );
  const line = (cells: string[]) => cells.map((cell, column) => padEnd(cell, widths[column] ?? 0)).join('  ');
  return [context.styles.dim(line(headings).trimEnd()), ...rows.map((row) => line(row).trimEnd())]
    .map((each) => `${each}\n`)
    .join('');
}

/** Labels and values, one a line; a value of several lines is indented. Pairs without a value are left out. */
export function pairsText(context: Context, pairs: (readonly [label: string, value: string | undefined])[]): string {
  const shown = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined && pair[1] !== '');
  const width = Math.max(...shown.map(([label]) => widthOf(label)));
  return shown
    .map(([label, value]) => {
      const indented = value.split('\n').join(`\n  ${' '.repeat(width + 2)}`);
      return `  ${context.styles.dim(padEnd(label, width))}  ${indented}\n`;
    })
    .join('');
}
