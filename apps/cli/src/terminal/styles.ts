import { stripVTControlCharacters } from 'node:util';
import type { Output } from './output.js';

type Paint = (text: string) => string;

export interface Styles {
  bold: Paint;
  dim: Paint;
  good: Paint;
  bad: Paint;
  warn: Paint;
  accent: Paint;
}

const plain: Paint = (text) => text;
const ansi =
  (code: number): Paint =>
  (text) =>
    `\u001B[${code}m${text}\u001B[0m`;

/** Colours on a terminal; none where NO_COLOR is set (no-color.org) or the terminal is a dumb one. */
export function stylesFor(env: NodeJS.ProcessEnv, out: Output): Styles {
  if (!out.isTTY || env['NO_COLOR'] || env['TERM'] === 'dumb') {
    return { bold: plain, dim: plain, good: plain, bad: plain, warn: plain, accent: plain };
  }
  return { bold: ansi(1), dim: ansi(2), good: ansi(32), bad: ansi(31), warn: ansi(33), accent: ansi(36) };
}

const WIDE =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1FAFF}]/u;

/** Terminal columns that a text takes: East Asian wide characters take two, colours none. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (/\p{M}/u.test(character)) continue;
    width += WIDE.test(character) ? 2 : 1;
  }
  return width;
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** Cuts plain text to a width, with an ellipsis where something is missing. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  for (const character of text) {
    if (widthOf(kept + character) > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Foreign text as one harmless line: names may hold control characters that would steer the terminal. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim();
}
