import { HozenError } from '@hozen/contracts';
import { databaseArgument, runTool, toolEnvironment, type PostgresAddress, type PostgresTools } from '@hozen/dbms';
import type { ArtefactFile } from '../artefact/artefact-file.js';
import { isSqlStream } from '../artefact/artefact-index.js';
import { TABLESPACES } from '../methods/postgres-logical/dump-globals.js';
import { SESSION_OPTIONS } from './cluster-restore.js';

export interface SqlRestore {
  file: ArtefactFile;
  /** A new server that is thrown away: its tablespaces are made inside its data directory. */
  address: PostgresAddress;
  tools: PostgresTools;
  signal: AbortSignal;
  onBytes: (bytes: number, item: string) => void;
}

/** SQLSTATE duplicate_object: the first superuser is there already. */
const EXPECTED = /: ERROR: *42710$/;

/**
 * Restores a file of SQL as a person would: psql reads it from its beginning to its end. In the sandbox, for its commands are
 * psql's own.
 * @throws HozenError CONTENT_DIFFERS where the server refuses something, TOOL_FAILED, and of the artefact
 */
export async function restoreSql({ file, address, tools, signal, onBytes }: SqlRestore): Promise<void> {
  await using env = await toolEnvironment({ ...address, database: 'postgres' }, { applicationName: 'hozen restore' });
  const options = [...SESSION_OPTIONS, 'client_min_messages=warning', 'allow_in_place_tablespaces=on'];
  const { stderr } = await runTool({
    path: tools.path('psql'),
    // The server's words may repeat a password.
    args: ['-X', '-q', '--no-password', '-v', 'VERBOSITY=sqlstate', '-f', '-', '-d', databaseArgument('postgres')],
    env: env.with({ PGOPTIONS: options.map((option) => `-c ${option}`).join(' ') }),
    stdin: textOf(file, onBytes),
    stdout: 'ignore',
    sandbox: {},
    signal,
  }).done;
  const refused = stderr.split('\n').filter((line) => /(?:ERROR|FATAL|PANIC): /.test(line) && !EXPECTED.test(line));
  if (refused.length > 0) {
    const detail = refused.slice(0, 5).join('; ');
    throw new HozenError('CONTENT_DIFFERS', { what: 'the SQL cannot be restored' }, { detail });
  }
}

/** In the order of the file, but for what is in it as comments. */
async function* textOf(file: ArtefactFile, onBytes: SqlRestore['onBytes']): AsyncGenerator<Buffer> {
  const streams = file.index.streams.filter(({ name }) => isSqlStream(name));
  const start = ({ parts }: (typeof streams)[number]) => parts[0]?.[0] ?? 0;
  for (const stream of streams.toSorted((one, other) => start(one) - start(other))) {
    if (stream.name === TABLESPACES) {
      yield inPlace(await file.readFile(stream.name));
      continue;
    }
    for await (const piece of file.readInTurn(stream)) {
      onBytes(piece.length, stream.name);
      yield piece;
    }
  }
}

function inPlace(sql: Buffer): Buffer {
  return Buffer.from(sql.toString('latin1').replace(/ LOCATION '(?:[^']|'')*';$/gm, ` LOCATION '';`), 'latin1');
}
