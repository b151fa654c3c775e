import type { DataSource } from 'typeorm';

const UNIQUE_VIOLATION = '23505';

/**
 * Runs a statement that claims one row for `worker` (its $1) and returns it.
 * @returns undefined where nothing can be claimed, or a unique index says that another worker decided at the same moment
 */
export async function claimOne<Row>(database: DataSource, statement: string, worker: string): Promise<Row | undefined> {
  try {
    const [rows] = await database.query<[Row[], number]>(statement, [worker]);
    return rows[0];
  } catch (error) {
    if ((error as { code?: string }).code === UNIQUE_VIOLATION) return undefined;
    throw error;
  }
}
