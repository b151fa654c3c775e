import { asHozenError, type ErrorFacts, HozenError, translatedError, translatedRefusal } from '@hozen/contracts';
import type { Context } from '../context.js';
import { endingOf, type Ending } from '../exit-codes.js';
import { Refusal } from '../services/refusal.js';
import { oneLine } from './styles.js';

/** An error as a command shows it: what happened, the reasons, what to do. */
export function failureText(
  context: Context,
  facts: ErrorFacts,
  reasons: { field: string; value?: string; message: string }[] = [],
): string {
  const { message, hint } = translatedError(context.language, facts);
  return [
    `${context.styles.bad('✗')} ${facts.code}: ${message}`,
    ...reasons.map((reason) => `  ${reasonText(context, reason)}`),
    `  ${context.styles.accent('→')} ${hint}`,
  ]
    .map((line) => `${line}\n`)
    .join('');
}

export function reasonText(context: Context, reason: { field: string; value?: string; message: string }): string {
  const found = reason.value === undefined ? '' : ` (${context.text('apply.found', { value: oneLine(reason.value) })})`;
  return `${reason.field === '' ? '' : `${oneLine(reason.field)}: `}${translatedRefusal(context.language, reason.message)}${found}`;
}

/** Reports what a command threw. @returns how the command ends. */
export function reportFailure(context: Context, thrown: unknown): Ending {
  if (context.signal.aborted) return context.signal.reason === 'SIGTERM' ? 'terminated' : 'interrupted';
  const { error, reasons } = factsOf(thrown);
  if (context.json) context.err.write(`${JSON.stringify({ type: 'error', error, ...(reasons ? { reasons } : {}) })}\n`);
  else context.err.write(failureText(context, error, reasons));
  return thrown instanceof Refusal && thrown.status >= 500 ? 'failed' : endingOf(error.code);
}

function factsOf(thrown: unknown): { error: ErrorFacts; reasons?: Refusal['reasons'] } {
  if (thrown instanceof Refusal) return { error: thrown.facts, reasons: thrown.reasons };
  const error: HozenError = asHozenError(thrown);
  return { error: { code: error.code, message: error.message, hint: error.hint } };
}
