import type { MariadbClient } from '@hozen/dbms';
import { QUOTED, unquoted } from './quoting.js';

const NAME = '(`(?:[^`]|``)*`)';
const KIND = 'TABLE|PROCEDURE|FUNCTION|PACKAGE BODY|PACKAGE';

/** Rights on one table or one routine. */
const ON_OBJECT = new RegExp(`^GRANT ((?:[^'"\`]|${QUOTED})*?) ON (?:(${KIND}) )?${NAME}\\.${NAME}( TO .*)$`, 's');
const RIGHT = new RegExp(`([A-Z][A-Z ]*[A-Z])(?: \\(((?:[^'"\`()]|${QUOTED})*)\\))?(?:, |$)`, 'gs');
const COLUMN = new RegExp(`${QUOTED}|[^\\s,]+`, 'gs');

const COLUMNS = `
  SELECT table_schema AS db, table_name AS name, column_name AS col FROM information_schema.columns
   WHERE table_schema = ? AND table_name = ?`;
const ROUTINE = `
  SELECT 1 FROM information_schema.routines WHERE routine_schema = ? AND routine_name = ? AND routine_type = ?`;

/**
 * A server keeps rights on tables, columns and routines that have been dropped, and takes them from nobody again: what is
 * restored from such a script stops there.
 */
export class StandingGrants {
  readonly #columns = new Map<string, Promise<ReadonlySet<string>>>();
  readonly #client: MariadbClient;
  readonly #foldsCase: boolean;

  private constructor(client: MariadbClient, foldsCase: boolean) {
    this.#client = client;
    this.#foldsCase = foldsCase;
  }

  static async of(client: MariadbClient): Promise<StandingGrants> {
    const [row] = await client.query<{ value: string | number }>('SELECT @@lower_case_table_names AS value');
    return new StandingGrants(client, Number(row?.value) !== 0);
  }

  /** @returns the statement with the rights that can be given; undefined where there are none */
  async standing(statement: string): Promise<string | undefined> {
    const [, rights, kind = 'TABLE', quotedDatabase, quotedName, to] = ON_OBJECT.exec(statement) ?? [];
    if (rights === undefined || quotedDatabase === undefined || quotedName === undefined) return statement;
    const [database, name] = [unquoted(quotedDatabase), unquoted(quotedName)];
    if (kind !== 'TABLE') return (await this.#hasRoutine(database, name, kind)) ? statement : undefined;
    const columns = await this.#columnsOf(database, name);
    // A table that is to come may be named by who may create it.
    if (columns.size === 0) return /\b(?:CREATE|ALL PRIVILEGES)(?:,|$)/.test(rights) ? statement : undefined;
    const isThere = (column: string) => columns.has(unquoted(column).toLowerCase());
    const given = [...rights.matchAll(RIGHT)].map(([, right = '', list]) => ({ right, on: list?.match(COLUMN) }));
    if (given.every(({ on }) => !on || on.every(isThere))) return statement;
    const kept = given.flatMap(({ right, on }) => {
      if (!on) return [right];
      const there = on.filter(isThere);
      return there.length === 0 ? [] : [`${right} (${there.join(', ')})`];
    });
    return kept.length === 0 ? undefined : `GRANT ${kept.join(', ')} ON ${quotedDatabase}.${quotedName}${to}`;
  }

  #columnsOf(database: string, name: string): Promise<ReadonlySet<string>> {
    const key = JSON.stringify([database, name]);
    const known = this.#columns.get(key) ?? this.#readColumns(database, name);
    this.#columns.set(key, known);
    return known;
  }

  async #readColumns(database: string, name: string): Promise<ReadonlySet<string>> {
    const rows = await this.#client.query<{ db: string; name: string; col: string }>(COLUMNS, [database, name]);
    // The question is answered without regard to case.
    const exact = rows.filter((row) => this.#foldsCase || (row.db === database && row.name === name));
    return new Set(exact.map(({ col }) => col.toLowerCase()));
  }

  async #hasRoutine(database: string, name: string, kind: string): Promise<boolean> {
    return (await this.#client.query(ROUTINE, [database, name, kind])).length > 0;
  }
}
