import type { ClientBase } from 'pg';
import type { DataSource, EntityManager } from 'typeorm';

/**
 * A statement that the server plans once for each connection instead of at each time: for what is asked again and again,
 * and takes as long to plan as to do. The name is the statement's own.
 */
export interface PreparedStatement {
  name: string;
  text: string;
}

/** SQLSTATE of a prepared statement whose table was altered meanwhile, by a newer version of the service. */
const RESULT_CHANGED = '0A000';
/** Statements that met this: they are planned at each time from then on, since every connection has its own old plan. */
const changed = new Set<string>();

/** @returns the rows, also of a statement that changes some and returns them */
export async function queryPrepared<Row extends object>(
  database: DataSource | EntityManager,
  { name, text }: PreparedStatement,
  parameters: readonly unknown[] = [],
): Promise<Row[]> {
  const within = 'queryRunner' in database ? database.queryRunner : undefined;
  const runner = within ?? ('createQueryRunner' in database ? database : database.connection).createQueryRunner();
  const values = [...parameters];
  try {
    const client = (await runner.connect()) as ClientBase;
    try {
      return (await client.query<Row>(changed.has(name) ? { text, values } : { name, text, values })).rows;
    } catch (error) {
      if ((error as { code?: string }).code !== RESULT_CHANGED) throw error;
      changed.add(name);
      // A transaction is over with it; the next one succeeds.
      if (within) throw error;
      return (await client.query<Row>({ text, values })).rows;
    }
  } finally {
    if (!within) await runner.release();
  }
}
