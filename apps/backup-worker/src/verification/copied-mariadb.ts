import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { findMariadbTool, kindText, PrivateMariadb, seriesOf, type MariadbClient, type ServerKind } from '@hozen/dbms';
import { kindOf } from '../artefact/manifest.js';
import { corrupt } from '../artefact/artefact-file.js';
import type { AttemptContext } from '../job.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { named } from './named.js';

/** What a worker may lack although the backup is good. */
const NOT_THE_BACKUP = /^bwrap: |Permission denied|No space left on device|Cannot allocate memory|Can't start server/im;

/** What mariadb-backup says of the original's files, and a server on them must be told as well. */
const OF_FILES = /^(innodb_page_size|innodb_data_file_path|innodb_undo_tablespaces)=([\w.:;/-]+)$/gm;

const TABLES = `
  SELECT table_schema AS db, table_name AS name FROM information_schema.tables
   WHERE table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') AND table_schema NOT IN ('information_schema', 'performance_schema', 'sys')
   ORDER BY 1, 2`;

/** Components of MySQL that bring functions alone, which views and routines cannot be made without. */
const FUNCTIONS = /^file:\/\/component_(?:classic_hashing|query_attributes)$/;

/** What a server here needs to be like the one of a backup. */
export interface ServerLike {
  kind: ServerKind;
  components: string[];
  settings: Record<string, string | number>;
}

/** @throws HozenError SANDBOX_FAILED where this machine has none of its release series */
export async function serverLike({ manifest, path }: CommittedArtefact): Promise<ServerLike> {
  const { mariadb } = manifest;
  if (!mariadb) throw corrupt(path, 'it is of no MariaDB or MySQL server');
  const kind = kindOf(manifest);
  const { version } = await findMariadbTool('server', kind).catch((cause: unknown) => {
    throw new HozenError('SANDBOX_FAILED', {}, { detail: (cause as Error).message, cause });
  });
  if (seriesOf(version) !== seriesOf(kind.version)) {
    const detail = `the backup is of ${kindText(kind)}, and the server here is ${version}`;
    throw new HozenError('SANDBOX_FAILED', {}, { detail });
  }
  const components = (mariadb.components ?? []).filter((urn) => FUNCTIONS.test(urn));
  return { kind, components, settings: { 'lower-case-table-names': mariadb.lowerCaseTableNames } };
}

/**
 * Starts a server on copied files that asks nobody for a password, acts on nothing by itself and fetches nothing from elsewhere.
 * @param keep the files stay when it is disposed
 * @throws HozenError CONTENT_DIFFERS where it does not start on them, SANDBOX_FAILED
 */
export async function startOnCopy(
  dataDir: string,
  artefact: CommittedArtefact,
  { signal }: Pick<AttemptContext, 'signal'>,
  keep?: { logFile: string },
): Promise<PrivateMariadb> {
  const { kind, settings: like } = await serverLike(artefact);
  const settings = {
    ...like,
    ...(await settingsOfFiles(dataDir)),
    // Nobody's password is known here, and nobody but us comes to its socket.
    'skip-grant-tables': 1,
    [kind.flavour === 'mysql' ? 'skip-replica-start' : 'skip-slave-start']: 1,
  };
  const options = { kind, dataDir, settings, sandbox: {}, signal, startTimeoutMs: 24 * 3_600_000 };
  try {
    return await PrivateMariadb.start(keep ? { ...options, keep: true, ...keep } : options);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof HozenError && error.code === 'SANDBOX_MISSING') throw error;
    const detail = error instanceof HozenError ? (error.detail ?? error.message) : String(error);
    if (NOT_THE_BACKUP.test(detail)) throw new HozenError('SANDBOX_FAILED', {}, { detail, cause: error });
    throw new HozenError('CONTENT_DIFFERS', { what: 'a server does not start on it' }, { detail, cause: error });
  }
}

async function settingsOfFiles(dataDir: string): Promise<Record<string, string>> {
  const text = await readFile(join(dataDir, 'backup-my.cnf'), 'utf8').catch(() => '');
  return Object.fromEntries([...text.matchAll(OF_FILES)].map(([, name = '', value = '']) => [name, value]));
}

/**
 * Has the server check every table, row by row and index by index.
 * @returns how many of them are not the server's own
 * @throws HozenError CONTENT_DIFFERS naming the tables
 */
export async function checkTables(
  client: MariadbClient,
  { signal, progress }: Pick<AttemptContext, 'signal' | 'progress'>,
): Promise<number> {
  const tables = await client.query<{ db: string; name: string }>(TABLES);
  const bad: string[] = [];
  for (const { db, name } of tables) {
    signal.throwIfAborted();
    progress({ phase: 'comparing', item: `${db}.${name}` });
    const told = await client.query<{ Msg_type: string; Msg_text: string }>(
      `CHECK TABLE ${client.name(db)}.${client.name(name)} EXTENDED`,
    );
    const wrong = told.find(({ Msg_type: type }) => type.toLowerCase() === 'error');
    if (wrong) bad.push(`${db}.${name}: ${wrong.Msg_text}`);
  }
  if (bad.length > 0) throw new HozenError('CONTENT_DIFFERS', { what: named(bad) });
  return tables.filter(({ db }) => db !== 'mysql').length;
}
