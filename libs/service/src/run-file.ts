import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Releases } from './releases.js';
import type { ServiceSettings } from './settings/service-settings.js';

/** What others of the same installation find a service by. */
export interface RunFile {
  pid: number;
  url: string;
  /** RFC 3339. */
  startedAt: string;
}

/** Where a service of this name says where it is: `<home>/run/<name>.json`. */
export function runFilePath(home: string, name: string): string {
  return join(home, 'run', `${name}.json`);
}

/** Tells the others of the installation where the service is, until it stops. */
export async function announce(
  name: string,
  settings: ServiceSettings,
  url: string,
  releases: Releases,
): Promise<void> {
  if (settings.home === undefined) return;
  const path = runFilePath(settings.home, name);
  await write(path, { pid: process.pid, url, startedAt: new Date().toISOString() });
  releases.push('the run file', () => remove(path));
}

/** Whole or not at all. */
async function write(path: string, content: RunFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, `${JSON.stringify(content)}\n`);
  await rename(unfinished, path);
}

/** Leaves the file of a successor alone. */
async function remove(path: string): Promise<void> {
  const content = await readFile(path, 'utf8').catch(() => '{}');
  if ((JSON.parse(content) as Partial<RunFile>).pid === process.pid) await rm(path, { force: true });
}
