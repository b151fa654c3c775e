import type { DataSource } from 'typeorm';

/** By the database's clock, which also set the deadline; the worker's may be wrong. */
const REMAINING = `
  SELECT greatest(0, extract(epoch FROM deadline - clock_timestamp()) * 1000)::double precision AS ms
    FROM maintenance_runs WHERE id = $1`;

/** Milliseconds until the run's deadline. */
export async function remainingMs(database: DataSource, run: { id: string }): Promise<number> {
  const [row] = await database.query<{ ms: number | null }[]>(REMAINING, [run.id]);
  return row?.ms ?? 0;
}
