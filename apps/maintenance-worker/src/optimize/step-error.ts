/** A step failed because of the object it works on; the others may well succeed, and the run goes on with them. */
export class StepError extends Error {
  constructor(
    message: string,
    /** Whether data or index may be damaged, rather than in a state that does not allow the step. */
    readonly damage: boolean,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** There is nothing left to do for a step: its object is gone, or is as it should be. */
export class Skipped extends Error {}
