import { mariadbErrorName, type MariadbClient } from '@hozen/dbms';
import { SCRIPT_HEAD } from './users-script.js';

interface ObjectName {
  db: string;
  name: string;
}

/** What a server has and cannot use: mariadb-dump and mysqldump end at the first of these. */
export interface UnusableObjects {
  views: ObjectName[];
  /** They hold no rows that another table does not hold, or bear a name that no table can be given. */
  tables: ObjectName[];
}

/** All but the server's own. */
const OTHERS = `table_schema NOT IN ('information_schema', 'performance_schema', 'mysql', 'sys')`;

const VIEWS = `
  SELECT table_schema AS db, table_name AS name FROM information_schema.tables
   WHERE ${OTHERS} AND table_type = 'VIEW' ORDER BY 1, 2`;

/** MERGE tables of others: their definition is all that they are. */
const MERGED = `
  SELECT table_schema AS db, table_name AS name FROM information_schema.tables
   WHERE ${OTHERS} AND engine = 'MRG_MyISAM' ORDER BY 1, 2`;

/** Files that an upgrade from 5.0, or a copy by hand, has left under a name that is not encoded: they cannot be created again. */
const MISNAMED = String.raw`
  SELECT table_schema AS db, table_name AS name FROM information_schema.tables
   WHERE ${OTHERS} AND table_name LIKE '#mysql50#%' ORDER BY 1, 2`;

/** Errors that say something about a view or a table, and not about the session or the server. */
const OF_THE_OBJECT = new Set([
  'ER_VIEW_INVALID',
  'ER_NO_SUCH_USER',
  'ER_NO_SUCH_TABLE',
  'ER_BAD_FIELD_ERROR',
  'ER_SP_DOES_NOT_EXIST',
  'ER_VIEW_RECURSIVE',
  'ER_VIEW_NO_EXPLAIN',
  'ER_WRONG_MRG_TABLE',
]);

/** Asks the server for each view as the dump programs do. @throws HozenError of the TARGET_ codes */
export async function unusableObjects(client: MariadbClient): Promise<UnusableObjects> {
  const views = await refused(client, VIEWS, (each) => `SHOW FIELDS FROM ${qualified(client, each)}`);
  const merged = await refused(client, MERGED, (each) => `SHOW CREATE TABLE ${qualified(client, each)}`);
  return { views, tables: [...merged, ...(await client.query<ObjectName>(MISNAMED))] };
}

async function refused(
  client: MariadbClient,
  list: string,
  question: (each: ObjectName) => string,
): Promise<ObjectName[]> {
  const all: ObjectName[] = [];
  for (const each of await client.query<ObjectName>(list)) {
    const isUsable = await client.query(question(each)).then(
      () => true,
      (error: unknown) => {
        if (OF_THE_OBJECT.has(mariadbErrorName(error))) return false;
        throw error;
      },
    );
    if (!isUsable) all.push(each);
  }
  return all;
}

/**
 * What they are defined as, for people: no server takes the definition of a view again before that is there which it needs.
 * @throws HozenError of the TARGET_ codes
 */
export async function viewsScript(client: MariadbClient, views: readonly ObjectName[]): Promise<string> {
  const parts: string[] = [SCRIPT_HEAD];
  for (const each of views) {
    const [view] = await client.query<{ 'Create View': string }>(`SHOW CREATE VIEW ${qualified(client, each)}`);
    if (view) parts.push(`USE ${client.name(each.db)};\n${view['Create View']};\n`);
  }
  return parts.join('');
}

export function namesOf(objects: readonly ObjectName[]): string[] {
  return objects.map(({ db, name }) => `${db}.${name}`);
}

function qualified(client: MariadbClient, { db, name }: ObjectName): string {
  return `${client.name(db)}.${client.name(name)}`;
}
