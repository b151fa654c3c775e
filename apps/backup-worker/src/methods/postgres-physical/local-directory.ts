import { access, constants, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PhysicalFacts } from './physical-facts.js';

/** What the server says of where it runs. */
export type ServerPlace = Pick<PhysicalFacts, 'dataDirectory' | 'port' | 'startedAt'>;

/** Seconds by which a server's two notes of its start may differ. */
const START_TOLERANCE = 5;

/**
 * The data directory of a server, where it runs on this machine and its files can be read: the folder of this name here
 * must be that of the very server we asked, not of another one, nor a copy.
 */
export async function localDirectory(facts: ServerPlace, systemIdentifier: string): Promise<string | undefined> {
  const { dataDirectory: directory, port, startedAt } = facts;
  if (directory === null) return undefined;
  try {
    const [, , started, itsPort] = (await readFile(join(directory, 'postmaster.pid'), 'utf8')).split('\n');
    if (Number(itsPort) !== port || Math.abs(Number(started) - startedAt) > START_TOLERANCE) return undefined;
    if ((await systemIdentifierIn(directory)) !== systemIdentifier) return undefined;
    await access(join(directory, 'base'), constants.R_OK | constants.X_OK);
    return directory;
  } catch {
    // It is elsewhere, or not ours to read.
    return undefined;
  }
}

/** The control file begins with it. */
async function systemIdentifierIn(directory: string): Promise<string> {
  await using file = await open(join(directory, 'global', 'pg_control'));
  const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0);
  return buffer.readBigUInt64LE(0).toString();
}
