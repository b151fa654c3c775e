import { isStorableText } from '@hozen/contracts';

const REPLACEMENT = '\uFFFD';
const LONE_SURROGATE = /\p{Surrogate}/gu;

/** Escapes as `JSON.stringify` writes them. It escapes only those surrogates that have lost their other half. */
const ESCAPE = /\\(?:(u0000|ud[89a-f][0-9a-f]{2})|.)/gs;

/**
 * JSON that `jsonb` takes: it refuses U+0000 and lone surrogates, in names of fields as in values, and what holds
 * foreign text must not become unwritable by it. They are replaced by U+FFFD.
 */
export function storableJson(value: unknown): string {
  return JSON.stringify(value).replace(ESCAPE, (escape, refused?: string) =>
    refused === undefined ? escape : String.raw`\ufffd`,
  );
}

/** The same for a `text`. */
export function storableText(text: string): string {
  return text.replaceAll('\0', REPLACEMENT).replace(LONE_SURROGATE, REPLACEMENT);
}

/** Whether all texts in it, and names of fields, can be stored as they are. */
export function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return isStorableText(value);
  if (value === null || typeof value !== 'object') return true;
  return Object.entries(value).every(([name, each]) => isStorable(name) && isStorable(each));
}
