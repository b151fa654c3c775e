import { createHash } from 'node:crypto';
import { copyOut, type TakeRows, type TargetClient } from '@hozen/dbms';
import type { TableContent } from '../../artefact/artefact-index.js';
import type { StreamWriter } from '../../artefact/stream-writer.js';
import { archiveHead, ARCHIVE_END, chunkHead, END_OF_COPY } from '../../pipeline/custom-format-writer.js';
import { qualified } from './database-snapshot.js';

export interface CopyOptions {
  signal: AbortSignal;
  onBytes: (bytes: number) => void;
}

type Table = Pick<TableContent, 'schema' | 'name' | 'columns'>;

/**
 * Reads a table into a stream of the artefact, as pg_dump's custom format would hold it: pg_restore takes it as it is.
 * The stream stays open.
 */
export async function copyTable(
  client: TargetClient,
  table: Table,
  stream: StreamWriter,
  options: CopyOptions & { encoding: string },
): Promise<TableContent> {
  await stream.write(archiveHead(table, qualified(client, table), options.encoding));
  const content = await readTable(client, table, { ...options, take: (rows) => writeBoth(stream, rows) });
  await stream.write(chunkHead(END_OF_COPY.length));
  await stream.write(END_OF_COPY);
  await stream.write(ARCHIVE_END);
  return { ...content, stream: stream.name };
}

/** The same as SQL: a COPY statement with its rows, as pg_dump writes it. */
export async function copyTableAsSql(
  client: TargetClient,
  table: Table,
  stream: StreamWriter,
  options: CopyOptions,
): Promise<TableContent> {
  await stream.write(Buffer.from(`COPY ${qualified(client, table)} (${table.columns}) FROM stdin;\n`));
  const content = await readTable(client, table, { ...options, take: (rows) => stream.write(rows) });
  await stream.write(END_OF_COPY);
  return { ...content, stream: stream.name };
}

/** Reads a table for its numbers and the SHA-256 of its rows, in their order on the server. */
export async function readTable(
  client: TargetClient,
  table: Table,
  { take, onBytes, signal }: CopyOptions & { take?: TakeRows },
): Promise<TableContent> {
  const { schema, name, columns } = table;
  const hash = createHash('sha256');
  const sql = `COPY ${qualified(client, table)} (${columns}) TO STDOUT`;
  const counted: TakeRows = (rows) => {
    hash.update(rows);
    onBytes(rows.length);
    return take?.(rows);
  };
  const { rows, bytes } = await copyOut(client, sql, counted, signal);
  return { schema, name, columns, rows, bytes, content: hash.digest('hex') };
}

function writeBoth(stream: StreamWriter, rows: Buffer): Promise<void> | undefined {
  const wait = stream.write(chunkHead(rows.length));
  return wait ? wait.then(() => stream.write(rows)) : stream.write(rows);
}
