import { appendFileSync } from 'node:fs';

/** Of the large cases: 0.01 is a hundredth of everything. */
export const SCALE = Number(process.env['HOZEN_CONFORMANCE_SCALE'] ?? 1);

/** What a large case took. */
export interface MeasuredCase {
  method: string;
  what: string;
  count: number;
  /** From the request to the end of the proof. */
  seconds: number;
  /** Resident memory of the worker, MB (10^6 bytes). */
  peakMb: number;
  limitMb: number;
}

/** Adds a line to the file that HOZEN_CONFORMANCE_RESULTS names; `npm run conformance` makes a table of it. */
export function record(measured: MeasuredCase): void {
  const file = process.env['HOZEN_CONFORMANCE_RESULTS'];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(measured)}\n`);
}
