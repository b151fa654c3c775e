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

/** @returns the rows, also of a statement that changes some and returns them */
export async function queryPrepared<Row extends object>(
  database: DataSource | EntityManager,
  { name, text }: PreparedStatement,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const within = 'queryRunner' in database ? database.queryRunner : undefined;
  const runner = within ?? ('createQueryRunner' in database ? database : database.connection).createQueryRunner();
  try {
    const client = (await runner.connect()) as ClientBase;
    const { rows } = await client.query<Row>({ name, text, values: [...values] });
    return rows;
  } finally {
    if (!within) await runner.release();
  }
}
