import type { Language } from '../words.js';
import { refusalsEn, type RefusalKey, type RefusalTexts } from './refusals/en.js';
import { refusalsJa } from './refusals/ja.js';
import { refusalsZh } from './refusals/zh.js';
import { rulesEn, type RuleTexts } from './rules/en.js';
import { rulesJa } from './rules/ja.js';
import { rulesZh } from './rules/zh.js';
import { fill, type TextParams } from './texts.js';
import { valuesIn } from './values-in.js';

const EN = { ...refusalsEn, ...rulesEn };

const TEXTS: Readonly<Record<Language, RefusalTexts & RuleTexts>> = {
  en: EN,
  ja: { ...refusalsJa, ...rulesJa },
  zh: { ...refusalsZh, ...rulesZh },
};

/** The most special ones first. */
const KEYS = (Object.keys(EN) as (keyof typeof EN)[]).toSorted((one, other) => EN[other].length - EN[one].length);

/** What is wrong with each of several patterns, which come in double quotes. */
const FAULTS_OF_PATTERNS = /(?<=^|; )"(?:[^"\\]|\\.)*" .+?(?=; "|$)/gs;

/** A reason as it is written down and travels: in English. */
export function refusalText(key: RefusalKey, params: TextParams = {}): string {
  return fill(refusalsEn[key], params);
}

/** A reason in the reader's language. Where it is not known how it was made (an older text), it is kept. */
export function translatedRefusal(language: Language, reason: string): string {
  if (language === 'en') return reason;
  const several = reason.match(FAULTS_OF_PATTERNS) ?? [];
  if (several.length > 1) return several.map((each) => translatedRefusal(language, each)).join('; ');
  for (const key of KEYS) {
    const { detail, ...values } = valuesIn(reason, EN[key]) ?? { detail: reason };
    if (detail !== undefined) continue;
    const { next } = values;
    return fill(TEXTS[language][key], {
      ...values,
      ...(next ? { next: translatedRefusal(language, String(next)) } : {}),
    });
  }
  return reason;
}
