import { errorHint, errorMessage } from '../texts/texts.js';
import type { Reason } from './reason.js';
import { ERRORS, type ErrorClass, type ErrorCode } from './catalogue.js';

/** Values put into an error's text. Never secrets: they reach logs, events and screens. */
export type ErrorParams = Readonly<Record<string, string | number>>;

/**
 * The one error class of the system. `code` is stable; `params` fill the texts of the catalogue in any language;
 * `detail` is foreign text (a tool's stderr, a driver's message) kept beside it; `cause` is the original error.
 */
export class HozenError extends Error {
  override readonly name = 'HozenError';
  readonly class: ErrorClass;

  constructor(
    readonly code: ErrorCode,
    readonly params: ErrorParams = {},
    options: { detail?: string; cause?: unknown; reasons?: readonly Reason[] } = {},
  ) {
    super(errorMessage('en', code, params) + (options.detail ? `: ${options.detail}` : ''), { cause: options.cause });
    this.class = ERRORS[code];
    this.detail = options.detail;
    this.reasons = options.reasons ?? [];
  }

  readonly detail: string | undefined;
  /** For refused input: everything that is wrong with it. */
  readonly reasons: readonly Reason[];

  /** What to do about it, in English; other languages through {@link errorHint}. */
  get hint(): string {
    return errorHint('en', this.code, this.params);
  }
}

/** Anything thrown, as a {@link HozenError}: ours as it is, the rest as `INTERNAL` with the original as cause. */
export function asHozenError(thrown: unknown): HozenError {
  if (thrown instanceof HozenError) return thrown;
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return new HozenError('INTERNAL', {}, { detail, cause: thrown });
}
