import type { Language } from '../words.js';
import { refusalsEn, type RefusalKey, type RefusalTexts } from './refusals/en.js';
import { refusalsJa } from './refusals/ja.js';
import { refusalsZh } from './refusals/zh.js';
import { fill, type TextParams } from './texts.js';
import { valuesIn } from './values-in.js';

const TEXTS: Readonly<Record<Language, RefusalTexts>> = { en: refusalsEn, ja: refusalsJa, zh: refusalsZh };

/** The most special ones first. */
const KEYS = (Object.keys(refusalsEn) as RefusalKey[]).toSorted(
  (one, other) => refusalsEn[other].length - refusalsEn[one].length,
);

/** A reason as it is written down and travels: in English. */
export function refusalText(key: RefusalKey, params: TextParams = {}): string {
  return fill(refusalsEn[key], params);
}

/** A reason in the reader's language. Where it is not known how it was made (the rule of a field, an older text), it is kept. */
export function translatedRefusal(language: Language, reason: string): string {
  if (language === 'en') return reason;
  for (const key of KEYS) {
    const { detail, ...values } = valuesIn(reason, refusalsEn[key]) ?? { detail: reason };
    if (detail !== undefined) continue;
    const { next } = values;
    return fill(TEXTS[language][key], {
      ...values,
      ...(next ? { next: translatedRefusal(language, String(next)) } : {}),
    });
  }
  return reason;
}
