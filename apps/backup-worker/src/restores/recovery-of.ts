import type { RecoveryPoint } from '@hozen/contracts';
import type { DataSource } from 'typeorm';
import { findPath, recoverable } from '../recovery/find-path.js';
import { rangesAround } from '../recovery/ranges.js';
import type { DirectoryGround } from './plan-directory.js';

/**
 * How a point is reached from the copy of a run, and what could be reached instead.
 * @param run as it was asked for: where one was named, only what leads on from it counts
 */
export async function recoveryOf(
  database: DataSource,
  copyRunId: string,
  point: RecoveryPoint,
  run: string | undefined,
): Promise<DirectoryGround['recovery']> {
  const { copies, logs } = await rangesAround(database.manager, copyRunId);
  const from = copies.filter(({ runId }) => runId === copyRunId);
  const ranges = recoverable({ copies: run === undefined ? copies : from, logs });
  const copy = (run === undefined ? copies : from).at(-1);
  const apart = copy && ranges.length === 0 ? { copy, logs } : undefined;
  return { point, path: findPath({ copies: from, logs }, point), ranges, apart };
}
