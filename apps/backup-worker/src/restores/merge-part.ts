import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HozenError } from '@hozen/contracts';
import {
  asTargetError,
  connect,
  copyIn,
  copyOut,
  plainEnvironment,
  sessionName,
  toolOutput,
  type TargetClient,
} from '@hozen/dbms';
import { failpoint, inSpan } from '@hozen/telemetry';
import type { TableContent } from '../artefact/artefact-index.js';
import { qualified } from '../methods/postgres-logical/database-snapshot.js';
import { textSettings } from '../methods/postgres-logical/tables.sql.js';
import type { MergedEntries } from '../parts/merge-entries.js';
import type { StoredPart } from '../parts/stored-part.js';
import { partOfArchive } from '../pipeline/part-of-archive.js';
import type { BesideRestore } from './restore-beside.js';
import { runStatement } from './run-statement.js';

export interface Merge extends BesideRestore {
  folder: string;
  part: StoredPart;
  entries: MergedEntries;
  /** Where the part stands, restored and compared. */
  beside: string;
  into: string;
  /** What is written down of the database beside, in the same transaction. */
  mark: string;
}

const SECTIONS = { before: 'pre-data', after: 'post-data' } as const;

/** A table that is attached to one that is there waits no longer for it. */
const LOCK_TIMEOUT = `SET lock_timeout = '60s'`;

/**
 * Makes a part in a database in one transaction: definitions, rows out of the database beside, indexes and the rest. It is there
 * whole, or not at all.
 * @throws HozenError of the TARGET_ codes, CONTENT_DIFFERS; then nothing is changed, unless the answer to the end was lost
 */
export async function mergePart(merge: Merge): Promise<void> {
  const { row, target, beside, into, part, signal, ensureLease } = merge;
  await inSpan('merge part', { attributes: { 'db.namespace': into } }, async () => {
    const applicationName = sessionName(row.id, Number(row.epoch));
    const [before, after] = [await scriptOf(merge, 'before'), await scriptOf(merge, 'after')];
    await using from = await connect(target.address, { applicationName, database: beside });
    await using to = await connect(target.address, { applicationName, database: into });
    const settings = textSettings('UTF8');
    await runStatement(from, settings);
    await runStatement(to, 'BEGIN');
    await runStatement(to, before);
    await runStatement(to, `${settings}; ${LOCK_TIMEOUT}`);
    for (const table of part.content.tables) {
      signal.throwIfAborted();
      await copyRows(merge, from, to, table);
    }
    for (const { state } of part.content.sequences) await runStatement(to, state);
    await runStatement(to, after);
    const mark = `COMMENT ON DATABASE ${to.escapeIdentifier(beside)} IS ${to.escapeLiteral(merge.mark)}`;
    await runStatement(to, mark);
    signal.throwIfAborted();
    ensureLease();
    await failpoint('restore.merged');
    await runStatement(to, 'COMMIT');
    await failpoint('restore.opened');
  });
}

/** What pg_restore would say to the server: statements only. */
async function scriptOf(merge: Merge, when: keyof typeof SECTIONS): Promise<string> {
  const { file, folder, entries, target, spoolDir, signal } = merge;
  const archive = join(spoolDir, `merge-${when}.dump`);
  try {
    const kept = new Set(entries.made.map(({ dumpId }) => dumpId));
    const definitions = partOfArchive(file.read(file.stream(`${folder}/schema.dump`)), kept);
    await pipeline(definitions, createWriteStream(archive, { mode: 0o600 }));
    const text = await toolOutput({
      path: target.tools.path('pg_restore'),
      args: [`--section=${SECTIONS[when]}`, '--file=-', archive],
      env: plainEnvironment(),
      sandbox: { reads: [archive] },
      signal,
    });
    // What psql alone understands stands in lines of its own, first and last.
    return text.toString('utf8').replaceAll(/^\\(?:un)?restrict .*$/gm, '');
  } finally {
    await rm(archive, { force: true });
  }
}

async function copyRows(merge: Merge, from: TargetClient, to: TargetClient, table: TableContent): Promise<void> {
  const name = qualified(from, table);
  const rows = new PassThrough();
  const sent = copyOut(
    from,
    `COPY ${name} (${table.columns}) TO STDOUT`,
    (chunk) => {
      merge.progress({ phase: 'restoring', item: `${merge.into}: ${table.schema}.${table.name}` });
      // The server has refused them; this ends the other side, too.
      if (rows.destroyed) throw new Error('the rows are not taken any more');
      // Its memory is used again.
      return rows.write(Buffer.from(chunk)) ? undefined : roomIn(rows);
    },
    merge.signal,
  ).then(
    (copied) => {
      rows.end();
      return copied;
    },
    (error: unknown) => {
      rows.destroy(error instanceof Error ? error : new Error(String(error)));
      throw error;
    },
  );
  sent.catch(() => undefined);
  try {
    const loaded = await copyIn(to, `COPY ${name} (${table.columns}) FROM STDIN`, rows as AsyncIterable<Buffer>);
    const copied = await sent;
    const isWhole = loaded.rows === copied.rows && loaded.bytes === copied.bytes && loaded.rows === table.rows;
    if (isWhole) return;
    throw new HozenError('CONTENT_DIFFERS', { what: `table ${table.schema}.${table.name} has ${loaded.rows} rows` });
  } catch (error) {
    throw asTargetError(error, to.address);
  } finally {
    rows.destroy();
  }
}

function roomIn(stream: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      stream.off('drain', go).off('close', go);
      resolve();
    };
    stream.on('drain', go).on('close', go);
  });
}
