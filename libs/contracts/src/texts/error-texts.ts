import { ERROR_CODES } from '../errors/catalogue.js';
import type { ErrorFacts } from '../events/backup.js';
import type { Language } from '../words.js';
import { en } from './en.js';
import { translatedObstacles } from './obstacle-texts.js';
import { errorHint, errorMessage } from './texts.js';
import { valuesIn } from './values-in.js';
import { translatedWhat } from './warning-texts.js';

/**
 * An error that travelled in an event or an answer, in the reader's language. Its texts are English there; the values in
 * them are found again with the English template. Where that fails (an older or newer text), the English is kept.
 */
export function translatedError(language: Language, facts: ErrorFacts): { message: string; hint: string } {
  const [messageTemplate, hintTemplate] = en.errors[facts.code];
  const inMessage = valuesIn(facts.message, messageTemplate);
  const inHint = valuesIn(facts.hint, hintTemplate);
  if (language === 'en' || inMessage === undefined || inHint === undefined) {
    return { message: facts.message, hint: facts.hint };
  }
  const { detail, ...found } = { ...inHint, ...inMessage };
  const params = { ...found, ...whatOf(language, facts.code, inMessage['what']) };
  const message = errorMessage(language, facts.code, params);
  return {
    message:
      detail === undefined
        ? message
        : `${message}: ${facts.code === 'PLAN_CHANGED' ? translatedObstacles(language, detail) : detail}`,
    hint: errorHint(language, facts.code, params),
  };
}

/** Where the value `what` is made of texts itself. */
function whatOf(language: Language, code: ErrorFacts['code'], what: unknown): { what?: string } {
  if (code === 'RESTORE_IMPOSSIBLE') return { what: translatedObstacles(language, String(what)) };
  return code === 'APPROVAL_MISSING' ? { what: translatedWhat(language, String(what)) } : {};
}

/**
 * The reason of an attempt, `CODE: message` as it was written down, in the reader's language. Where it is not known how it was
 * made (an older or newer text), it is kept.
 */
export function translatedReason(language: Language, reason: string): string {
  const [, code = '', message = ''] = /^([A-Z_]+): ([\s\S]*)$/.exec(reason) ?? [];
  const known = ERROR_CODES.find((each) => each === code);
  if (language === 'en' || known === undefined) return reason;
  const values = valuesIn(message, en.errors[known][0]);
  if (values === undefined) return reason;
  const { detail, ...params } = values;
  return `${code}: ${errorMessage(language, known, params)}${detail === undefined ? '' : `: ${detail}`}`;
}
