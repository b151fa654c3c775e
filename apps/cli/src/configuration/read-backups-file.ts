import { readFile } from 'node:fs/promises';
import { BackupsFile, HozenError, validate, type Reason } from '@hozen/contracts';
import { isCollection, isNode, isPair, LineCounter, parseDocument, type Document } from 'yaml';
import type { Context } from '../context.js';
import { crossReferenceFaults, type LineOf } from './cross-references.js';

/** A reason with the line of the file it is about. */
export interface LocatedReason extends Reason {
  line: number;
}

export type BackupsFileResult = { ok: true; value: BackupsFile } | { ok: false; reasons: LocatedReason[] };

/** Far above any real file; keeps a wrong path (a dump, a disk) from filling the memory. */
const LARGEST_FILE = 5_000_000;

/** Reads `backups.yaml` whole: every fault of syntax, fields and references is found, each with its line. */
export async function readBackupsFile(context: Context, path: string): Promise<BackupsFileResult> {
  return checkBackupsFile(context, await textOf(path));
}

export function checkBackupsFile(context: Context, text: string): BackupsFileResult {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const reasons = document.errors.map(({ message, pos }) => ({
      field: '',
      message,
      line: lines.linePos(pos[0]).line,
    }));
    return { ok: false, reasons };
  }
  const lineOf: LineOf = (path) => lines.linePos(positionOf(document, path)).line;
  const located = (reason: Reason): LocatedReason => ({ ...reason, line: lineOf(reason.field) });
  const plain = plainOf(document);
  if (plain instanceof Error) return { ok: false, reasons: [{ field: '', message: plain.message, line: 1 }] };
  const sections = withoutEmptySections(plain);
  const checked = validate(BackupsFile, sections);
  const faults = [...(checked.ok ? [] : checked.reasons), ...crossReferenceFaults(context, sections, lineOf)];
  return checked.ok && faults.length === 0
    ? { ok: true, value: checked.value }
    : { ok: false, reasons: sorted(faults.map(located)) };
}

async function textOf(path: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length <= LARGEST_FILE) return text;
  } catch (cause) {
    throw new HozenError('FILE_UNREADABLE', { path }, { cause, detail: (cause as NodeJS.ErrnoException).code ?? '' });
  }
  throw new HozenError('FILE_UNREADABLE', { path }, { detail: `it is larger than ${LARGEST_FILE} bytes` });
}

/** @returns the error where its aliases would make more of it than anybody wrote */
function plainOf(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch (error) {
    if (error instanceof ReferenceError) return error;
    throw error;
  }
}

/** `schedules:` with nothing behind it means none. */
function withoutEmptySections(plain: unknown): unknown {
  if (plain === null || plain === undefined) return {};
  if (typeof plain !== 'object' || Array.isArray(plain)) return plain;
  return Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== null));
}

function sorted(reasons: LocatedReason[]): LocatedReason[] {
  return reasons.toSorted((one, other) => one.line - other.line);
}

/** Where a path starts in the text; for what is missing, where its owner starts. */
function positionOf(document: Document, path: string): number {
  const keys = path === '' ? [] : path.split('.');
  for (let length = keys.length; length > 0; length--) {
    const position = ownPosition(document, keys.slice(0, length));
    if (position !== undefined) return position;
  }
  return 0;
}

function ownPosition(document: Document, keys: string[]): number | undefined {
  const last = keys.at(-1) ?? '';
  const owner = keys.length === 1 ? document.contents : document.getIn(keys.slice(0, -1).map(keyOf), true);
  if (!isCollection(owner)) return undefined;
  for (const item of owner.items) {
    if (isPair(item) && isNode(item.key) && String(item.key) === last) return item.key.range?.[0];
  }
  const value = owner.get(keyOf(last), true);
  return isNode(value) ? value.range?.[0] : undefined;
}

function keyOf(key: string): string | number {
  return /^\d+$/.test(key) ? Number(key) : key;
}
