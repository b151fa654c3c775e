import type { RestoreObstacle } from '@hozen/contracts';
import type { TargetClient } from '@hozen/dbms';
import type { TocEntry } from '../pipeline/custom-format.js';
import { isOfDatabaseItself } from '../restore/stored-definitions.js';
import { localesOf, missingLocales } from './missing-locales.js';

/** What the definitions of a database ask of the server that takes them, gathered while somebody else reads them. */
export class Needs {
  /** That own or are given something; the restore stops where one is missing. */
  readonly roles = new Set<string>();
  readonly extensions = new Set<string>();
  readonly tablespaces = new Set<string>();
  /** Partitioned ones, too. */
  tables = 0;
  /** By who provides them. */
  readonly locales = { libc: new Set<string>(), icu: new Set<string>() };

  /** The same entries, once they are looked at. */
  async *of(entries: Iterable<TocEntry> | AsyncIterable<TocEntry>): AsyncGenerator<TocEntry> {
    for await (const entry of entries) {
      this.#add(entry);
      yield entry;
    }
  }

  #add(entry: TocEntry): void {
    const { owner, desc, tag, tablespace, defn } = entry;
    if (desc === 'TABLE') this.tables += 1;
    if (owner) this.roles.add(owner);
    if (/ACL|POLICY/.test(desc)) for (const role of rolesGiven(defn ?? '')) this.roles.add(role);
    for (const [provider, names] of Object.entries(localesOf(entry))) {
      for (const name of names) this.locales[provider as 'libc' | 'icu'].add(name);
    }
    if (isOfDatabaseItself(entry)) return;
    if (desc === 'EXTENSION') this.extensions.add(tag);
    if (tablespace) this.tablespaces.add(tablespace);
  }
}

/** What a server lacks of it. @throws HozenError of the TARGET_ codes */
export async function missingFor(
  client: TargetClient,
  { roles, extensions, tablespaces, locales }: Needs,
): Promise<{ kind: RestoreObstacle; what: string }[]> {
  const { rows } = await client.query<{ roles: string[]; extensions: string[]; tablespaces: string[] }>(KNOWN);
  const known = rows[0] ?? { roles: [], extensions: [], tablespaces: [] };
  const missing = (kind: RestoreObstacle, wanted: ReadonlySet<string>, there: readonly string[]) =>
    [...wanted].filter((name) => !there.includes(name)).map((what) => ({ kind, what }));
  return [
    ...missing('role-missing', roles, known.roles),
    ...missing('extension-missing', extensions, known.extensions),
    ...missing('tablespace-missing', tablespaces, known.tablespaces),
    ...(await missingLocales(client, locales)),
  ];
}

const KNOWN = `
  SELECT array(SELECT rolname::text FROM pg_roles) AS roles,
         array(SELECT name::text FROM pg_available_extensions) AS extensions,
         array(SELECT spcname::text FROM pg_tablespace) AS tablespaces`;

function rolesGiven(sql: string): string[] {
  const found = sql.matchAll(/\b(?:TO|FROM|ROLE) (?:"((?:[^"]|"")+)"|([a-z_][a-z0-9_$]*))/g);
  return [...found]
    .map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '')
    .filter((role) => role !== '' && role !== 'PUBLIC');
}
