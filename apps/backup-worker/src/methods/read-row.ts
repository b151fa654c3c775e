import { asTargetError, type TargetClient } from '@hozen/dbms';

/** The one row of a statement that gives one. @throws HozenError of the TARGET_ codes */
export async function readRow<Row extends object>(
  client: TargetClient,
  sql: string,
  parameters: unknown[] = [],
): Promise<Row> {
  try {
    const { rows } = await client.query<Row>(sql, parameters);
    const [row] = rows;
    if (!row) throw new Error('the server returned no row');
    return row;
  } catch (error) {
    throw asTargetError(error, client.address);
  }
}
