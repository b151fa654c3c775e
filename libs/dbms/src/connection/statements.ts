import type { TargetClient } from './connect.js';

/**
 * Runs statements without parameters one after the other in one round trip. Where none of them begins a transaction, all
 * of them are one.
 * @returns the rows of each
 */
export async function resultsOf(client: TargetClient, statements: readonly string[]): Promise<object[][]> {
  const results: unknown = await client.query(statements.join(';\n'));
  // The driver gives a list only where there are several; its types do not know of it.
  const all = (Array.isArray(results) ? results : [results]) as { rows: object[] }[];
  return all.map(({ rows }) => rows);
}
