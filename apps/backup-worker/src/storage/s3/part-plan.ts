const MIB = 1024 * 1024;
/** Amazon takes none smaller, but for the last one; larger ones make fewer requests. */
const SMALLEST = 8 * MIB;
/** Memory for parts that are being sent or filled. */
const BUDGET = 256 * MIB;
const MOST_AT_A_TIME = 4;

export interface PartPlan {
  /** Every part but the last has so many: some providers want them equal. */
  partBytes: number;
  /** Parts that are sent at one time, while another one is filled. */
  atATime: number;
}

/** Parts of such a size that an artefact twice as large as expected still fits. */
export function planParts(expectedBytes: number, maxParts: number): PartPlan {
  const needed = Math.ceil((2 * expectedBytes) / maxParts / MIB) * MIB;
  const partBytes = Math.max(SMALLEST, needed);
  const atATime = Math.max(1, Math.min(MOST_AT_A_TIME, Math.floor(BUDGET / partBytes) - 1));
  return { partBytes, atATime };
}
