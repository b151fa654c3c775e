import { describe, expect, it } from 'vitest';
import { refusalText, translatedRefusal } from './refusal-texts.js';
import { refusalsEn, type RefusalKey } from './refusals/en.js';
import { refusalsJa } from './refusals/ja.js';
import { refusalsZh } from './refusals/zh.js';

const KEYS = Object.keys(refusalsEn) as RefusalKey[];
const NAMES_OF = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);

describe.each([
  ['ja', refusalsJa],
  ['zh', refusalsZh],
] as const)('a reason in %s', (language, texts) => {
  it.each(KEYS)('%s is its own text, with the values of the English one, and found again in it', (key) => {
    expect(NAMES_OF(texts[key]).toSorted()).toEqual(NAMES_OF(refusalsEn[key]).toSorted());
    const params = Object.fromEntries(NAMES_OF(refusalsEn[key]).map((name) => [name, `<${name}>`]));
    const expected = texts[key].replace(/\{(\w+)\}/g, '<$1>');
    expect(expected).not.toBe(refusalText(key, params));
    expect(translatedRefusal(language, refusalText(key, params))).toBe(expected);
  });

  it('keeps the rule of a field', () => {
    expect(translatedRefusal(language, 'name must be shorter')).toBe('name must be shorter');
  });
});

it('says what to do next in the same language', () => {
  const next = refusalText('next.instead', { run: 'r9' });
  const reason = refusalText('bad-itself', { verification: 'v1', since: '2026-11-22T00:00:00Z', next });
  expect(translatedRefusal('ja', reason)).toContain('代わりに実行 r9 をリストアしてください');
  expect(translatedRefusal('en', reason)).toBe(reason);
});
