import { toolOutput, type DatabaseFacts } from '@hozen/dbms';
import type { ArtefactFile } from '../artefact/artefact-file.js';
import { ROLES, TABLESPACES } from '../methods/postgres-logical/dump-globals.js';
import type { StoredPart } from '../parts/stored-part.js';
import type { TocEntry } from '../pipeline/custom-format.js';
import { sideBySide } from '../pipeline/side-by-side.js';
import { Slots } from '../pipeline/slots.js';
import { eachDefinition } from '../restore/stored-definitions.js';
import { compareContents } from './compare-contents.js';
import { DefinitionsComparison } from './compare-definitions.js';
import { sameGlobals } from './compare-globals.js';
import { secondLook } from './look-again.js';
import { readCopy, turnsOf, type CopyReader } from './read-copy.js';

/**
 * What differs between a backup and the copy that was restored from it: roles, tablespaces, and in each database the
 * definitions, the rows of every table, sequences and large objects. Empty when nothing does.
 */
export async function compareCluster(file: ArtefactFile, alone: Omit<CopyReader, 'turns'>): Promise<string[]> {
  const { jobs } = alone.job.config;
  const reader: CopyReader = { ...alone, turns: turnsOf(new Slots(jobs)) };
  const globals = await compareAllGlobals(file, reader);
  const copies = new Map(reader.scratch.facts.databases.map((database) => [database.name, database]));
  const databases = file.index.databases.map((backup) => ({ ...backup, found: ['it is missing'] }));
  await sideBySide(databases, jobs, reader.signal, async (backup, signal) => {
    const copy = copies.get(backup.name);
    if (copy) backup.found = await compareDatabase(file, backup.folder, copy, { ...reader, signal });
  });
  const differences = databases.flatMap(({ name, found }) => found.map((what) => `database ${name}: ${what}`));
  for (const { name } of databases) copies.delete(name);
  copies.delete('template0');
  // A new server has these; a cluster that dropped them has none to restore.
  for (const initial of ['postgres', 'template1']) copies.delete(initial);
  return [...globals, ...differences, ...[...copies.keys()].map((name) => `database ${name}: it should not be there`)];
}

export interface CompareOptions {
  counts?: (entry: TocEntry) => boolean;
  part?: Pick<StoredPart, 'kept' | 'content'> | undefined;
}

/**
 * The same for one database.
 * @param options `counts`: which definitions are compared; all by default. `part`: what of it was restored
 */
export async function compareDatabase(
  file: ArtefactFile,
  folder: string,
  copy: DatabaseFacts,
  reader: CopyReader,
  { counts = () => true, part }: CompareOptions = {},
): Promise<string[]> {
  const backup = part?.content ?? file.index.databases.find((database) => database.folder === folder);
  if (!backup) return ['it is missing in the index'];
  const stored = () => part?.kept ?? eachDefinition(file, folder);
  const definitions = new DefinitionsComparison(counts);
  for await (const entry of stored()) definitions.expect(entry);
  const contents = await readCopy(reader, copy, backup.tables, (entry) => definitions.found(entry));
  const look = secondLook(file, reader, copy);
  return [
    ...definitions.differences,
    ...(definitions.isComplete ? [] : await definitions.missing(stored())),
    ...(await compareContents(backup, contents, look)),
  ];
}

async function compareAllGlobals(file: ArtefactFile, reader: CopyReader): Promise<string[]> {
  const kinds = [
    { name: ROLES, option: '--roles-only', what: 'roles' },
    { name: TABLESPACES, option: '--tablespaces-only', what: 'tablespaces' },
  ];
  const differences: string[] = [];
  for (const { name, option, what } of kinds) {
    const copy = await toolOutput({
      path: reader.scratch.tools.path('pg_dumpall'),
      args: [option, '--no-password'],
      env: reader.env,
      sandbox: {},
      signal: reader.signal,
    });
    const backup = await file.readFile(name);
    if (!sameGlobals(backup.toString('latin1'), copy.toString('latin1'))) differences.push(what);
  }
  return differences;
}
