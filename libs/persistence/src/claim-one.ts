import type { DataSource } from 'typeorm';
import { queryPrepared, type PreparedStatement } from './query-prepared.js';

const UNIQUE_VIOLATION = '23505';

/**
 * Runs a statement that claims one row for `worker` (its $1) and returns it.
 * @returns undefined where nothing can be claimed, or a unique index says that another worker decided at the same moment
 */
export async function claimOne<Row extends object>(
  database: DataSource,
  statement: PreparedStatement,
  worker: string,
): Promise<Row | undefined> {
  try {
    const [row] = await queryPrepared<Row>(database, statement, [worker]);
    return row;
  } catch (error) {
    if ((error as { code?: string }).code === UNIQUE_VIOLATION) return undefined;
    throw error;
  }
}
