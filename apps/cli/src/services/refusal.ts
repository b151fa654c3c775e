import type { ErrorFacts, ErrorView } from '@hozen/contracts';

/** A service answered, and the answer is an error. */
export class Refusal extends Error {
  readonly facts: ErrorFacts;
  readonly reasons: NonNullable<ErrorView['reasons']>;

  constructor(
    readonly service: string,
    readonly status: number,
    view: ErrorView,
  ) {
    super(view.error.message);
    this.facts = view.error;
    this.reasons = view.reasons ?? [];
  }
}
