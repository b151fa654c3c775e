import { describe, expect, it } from 'vitest';
import { translatedWarning, translatedWhat, warningText } from './warning-texts.js';
import { warningsEn, type WarningKey } from './warnings/en.js';
import { warningsJa } from './warnings/ja.js';
import { warningsZh } from './warnings/zh.js';

const KEYS = Object.keys(warningsEn) as WarningKey[];
const NAMES_OF = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
const isPart = (key: WarningKey) => /^(?:reason|names|whose|remedy|what)\./.test(key);
const isWhat = (key: WarningKey) => key.startsWith('what.');

describe.each([
  ['ja', warningsJa],
  ['zh', warningsZh],
] as const)('a warning in %s', (language, texts) => {
  it.each(KEYS)('%s is its own text, with the values of the English one', (key) => {
    expect(NAMES_OF(texts[key]).toSorted()).toEqual(NAMES_OF(warningsEn[key]).toSorted());
    expect(texts[key]).not.toBe(warningsEn[key]);
  });

  it.each(KEYS.filter((key) => !isPart(key)))('%s is found again in the English text, with its values', (key) => {
    const params = Object.fromEntries(NAMES_OF(warningsEn[key]).map((name) => [name, `<${name}>`]));
    const expected = texts[key].replace(/\{(\w+)\}/g, '<$1>');
    expect(translatedWarning(language, warningText(key, params))).toBe(expected);
  });

  it.each(KEYS.filter(isWhat))('%s is found again where it is a part of another text', (key) => {
    const params = Object.fromEntries(NAMES_OF(warningsEn[key]).map((name) => [name, `<${name}>`]));
    const expected = texts[key].replace(/\{(\w+)\}/g, '<$1>');
    expect(translatedWhat(language, warningText(key, params))).toBe(expected);
    const whole = warningText('restore.statistics-incomplete', { what: warningText(key, params) });
    expect(translatedWarning(language, whole)).toContain(expected);
  });

  it('keeps what it does not know', () => {
    expect(translatedWarning(language, 'tar: x: odd')).toBe('tar: x: odd');
  });
});

it('translates the reason and the rest of a list inside', () => {
  const reason = warningText('reason.no-earlier');
  expect(translatedWarning('ja', warningText('full-instead', { level: 'incremental', reason }))).toBe(
    'incremental バックアップの代わりにフルバックアップを作成しました: 基になる以前のバックアップがありません。',
  );
  const names = warningText('names.more', { names: '"a", "b"', more: 3 });
  expect(translatedWarning('zh', warningText('paths.vanished', { count: 5, names }))).toBe(
    '备份过程中消失的路径（5 个）："a", "b"，另有 3 个。',
  );
});

it.each(['shop of erp', 'it is here', 'table t', 'a: b', 'process of orders', '/srv/a of b'])(
  'keeps the name "%s", although texts have such words too',
  (name) => {
    expect(translatedWhat('ja', name)).toBe(name);
  },
);

it('keeps colons and dots that belong to a value', () => {
  const reason = 'The storage: /b. Gone: yes';
  expect(translatedWarning('ja', warningText('copy.later', { path: '/b: c', reason }))).toContain(reason);
});
