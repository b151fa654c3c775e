import { createHash, randomInt } from 'node:crypto';

const SEEDS = 0x8000_0000;

export function newSeed(): number {
  return randomInt(SEEDS);
}

/** Draws one, the same whenever seed and candidates are the same. */
export function draw<T>(candidates: readonly T[], seed: number): T | undefined {
  if (candidates.length === 0) return undefined;
  const number = createHash('sha256').update(String(seed)).digest().readUIntBE(0, 6);
  return candidates[number % candidates.length];
}
