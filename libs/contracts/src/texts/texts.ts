import type { ErrorCode } from '../errors/catalogue.js';
import type { Language } from '../words.js';
import { cliEn, type CliText, type CliTexts } from './cli/en.js';
import { cliJa } from './cli/ja.js';
import { cliZh } from './cli/zh.js';
import { en, type TextCatalogue } from './en.js';
import type { NoticeKey } from './notices/en.js';
import { ja } from './ja.js';
import { zh } from './zh.js';

const CATALOGUES: Record<Language, TextCatalogue<ErrorCode>> = { en, ja, zh };

const CLI_TEXTS: Record<Language, CliTexts> = { en: cliEn, ja: cliJa, zh: cliZh };

export type TextParams = Readonly<Record<string, string | number>>;

/** Replaces each `{name}` by its parameter; a name without one stays as it is, so a missing value shows. */
export function fill(template: string, params: TextParams): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

export function errorMessage(language: Language, code: ErrorCode, params: TextParams = {}): string {
  return fill(CATALOGUES[language].errors[code][0], params);
}

/** What a person should do about the error. */
export function errorHint(language: Language, code: ErrorCode, params: TextParams = {}): string {
  return fill(CATALOGUES[language].errors[code][1], params);
}

/** What the command `hozen` says. */
export function cliText(language: Language, key: CliText, params: TextParams = {}): string {
  return fill(CLI_TEXTS[language][key], params);
}

/** What people are told: a text of the `notices` section. */
export function noticeText(language: Language, key: NoticeKey, params: TextParams = {}): string {
  return fill(CATALOGUES[language].notices[key], params);
}
