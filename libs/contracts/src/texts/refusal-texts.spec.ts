import { getMetadataStorage, type ValidationArguments, type ValidationOptions } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { ConfigSpec, validate } from '../index.js';
import { refusalText, translatedRefusal } from './refusal-texts.js';
import { refusalsEn } from './refusals/en.js';
import { refusalsJa } from './refusals/ja.js';
import { refusalsZh } from './refusals/zh.js';
import { rulesEn } from './rules/en.js';
import { rulesJa } from './rules/ja.js';
import { rulesZh } from './rules/zh.js';
import { fill } from './texts.js';

const EN = { ...refusalsEn, ...rulesEn };
const KEYS = Object.keys(EN) as (keyof typeof EN)[];
const NAMES_OF = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);

/** As class-validator keeps it. */
interface FieldRule {
  type: string;
  propertyName: string;
  constraints: unknown[] | undefined;
  constraintCls: Function;
  message: ValidationOptions['message'];
}

/** What the rules of all fields of all contracts would say. */
function ruleTexts(): string[] {
  const storage = getMetadataStorage();
  const { validationMetadatas } = storage as unknown as { validationMetadatas: Map<Function, FieldRule[]> };
  return [...validationMetadatas.values()].flat().flatMap((rule) => {
    if (rule.type === 'conditionalValidation') return [];
    const about: ValidationArguments = {
      targetName: 'Contract',
      property: rule.propertyName,
      object: {},
      value: undefined,
      constraints: rule.constraints ?? [],
    };
    const [own] = storage.getTargetValidatorConstraints(rule.constraintCls);
    const message = rule.message || own?.instance.defaultMessage?.(about) || '';
    const text = typeof message === 'string' ? message : message(about);
    // What the rule of patterns says depends on the patterns.
    if (text === '') return [];
    const params = (rule.constraints ?? []).map(String);
    const filled = params.reduce((all, each, index) => all.replaceAll(`$constraint${index + 1}`, each), text);
    return [filled.replaceAll('$property', rule.propertyName)];
  });
}

describe.each([
  ['ja', { ...refusalsJa, ...rulesJa }],
  ['zh', { ...refusalsZh, ...rulesZh }],
] as const)('a reason in %s', (language, texts) => {
  it.each(KEYS)('%s is its own text, with the values of the English one, and found again in it', (key) => {
    expect(NAMES_OF(texts[key]).toSorted()).toEqual(NAMES_OF(EN[key]).toSorted());
    const params = Object.fromEntries(NAMES_OF(EN[key]).map((name) => [name, `<${name}>`]));
    const expected = texts[key].replace(/\{(\w+)\}/g, '<$1>');
    const english = fill(EN[key], params);
    expect(expected).not.toBe(english);
    expect(translatedRefusal(language, english)).toBe(expected);
  });

  it('is there for every rule that a field of a contract has', () => {
    const unknown = ruleTexts().filter((text) => translatedRefusal(language, text) === text);
    expect(unknown).toEqual([]);
  });

  it('is kept where it is not known how it was made', () => {
    expect(translatedRefusal(language, 'was refused by somebody')).toBe('was refused by somebody');
  });

  it('is that of each pattern, where several are wrong', () => {
    const parts = { include: { schemas: ['a"b', 'shop:x:y; "z', 'c..d'] } };
    const of = { name: 'n', target: 't', storage: { kind: 'file', path: '/b' }, ...parts };
    const checked = validate(ConfigSpec, of);
    const [reason] = checked.ok ? [] : checked.reasons;
    const english = reason?.message ?? '';
    expect(english).toMatch(/second one; .*second one; .* a colon: shop:sales/s);
    const faults = translatedRefusal(language, english);
    expect(faults).not.toMatch(/must|has a/);
    expect(faults.split('; "')).toHaveLength(english.split('; "').length);
  });
});

it('says what to do next in the same language', () => {
  const next = refusalText('next.instead', { run: 'r9' });
  const reason = refusalText('bad-itself', { verification: 'v1', since: '2026-11-22T00:00:00Z', next });
  expect(translatedRefusal('ja', reason)).toContain('代わりに実行 r9 をリストアしてください');
  expect(translatedRefusal('en', reason)).toBe(reason);
});
