import type { Language } from '../words.js';
import { fill, type TextParams } from './texts.js';
import { valuesIn } from './values-in.js';
import { warningsEn, type WarningKey, type WarningTexts } from './warnings/en.js';
import { warningsJa } from './warnings/ja.js';
import { warningsZh } from './warnings/zh.js';

const TEXTS: Readonly<Record<Language, WarningTexts>> = { en: warningsEn, ja: warningsJa, zh: warningsZh };

/** Values that are texts themselves. */
const NESTED = ['reason', 'names', 'whose', 'remedy', 'what'] as const;

const KEYS = Object.keys(warningsEn) as WarningKey[];
const isNested = (key: WarningKey) => NESTED.some((name) => key.startsWith(`${name}.`));
/** The most special ones first. */
const WARNINGS = KEYS.filter((key) => !isNested(key)).toSorted(
  (one, other) => warningsEn[other].length - warningsEn[one].length,
);

const WHATS = KEYS.filter((key) => key.startsWith('what.')).toSorted(
  (one, other) => warningsEn[other].length - warningsEn[one].length,
);

/** A warning as it is written down and travels: in English. */
export function warningText(key: WarningKey, params: TextParams = {}): string {
  return fill(warningsEn[key], params);
}

/** A warning in the reader's language. Where it is not known how it was made (a server's words, an older text), it is kept. */
export function translatedWarning(language: Language, warning: string): string {
  return language === 'en' ? warning : translated(language, warning, WARNINGS);
}

/** What is said of an obstacle, made from a text under `what.`; anything else is kept. */
export function translatedWhat(language: Language, what: string): string {
  return language === 'en' ? what : translated(language, what, WHATS);
}

function translated(language: Language, text: string, keys: readonly WarningKey[]): string {
  for (const key of keys) {
    const values = valuesOf(text, warningsEn[key]);
    if (!values) continue;
    for (const name of NESTED) {
      const inner = values[name];
      if (inner === undefined) continue;
      const texts = name === 'what' ? WHATS : KEYS.filter((each) => each.startsWith(`${name}.`));
      values[name] = translated(language, inner, texts);
    }
    return fill(TEXTS[language][key], values);
  }
  return text;
}

/** What follows a colon at the end belongs to the last value. */
function valuesOf(text: string, template: string): Record<string, string> | undefined {
  const { detail, ...found } = valuesIn(text, template) ?? {};
  const values = Object.fromEntries(Object.entries(found).map(([name, value]) => [name, String(value)]));
  if (detail === undefined) return valuesIn(text, template) && values;
  const last = /\{(\w+)\}$/.exec(template)?.[1];
  return last === undefined ? undefined : { ...values, [last]: `${values[last]}: ${detail}` };
}
