import { chown, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunAs } from '../processes/guarded.js';
import { toolOutput } from '../tools/tool-output.js';
import type { PrivatePostgresOptions } from './options.js';

/** Makes a cluster. Its socket trusts whoever reaches it (the folder is private); TCP always wants the password. */
export async function initdb(bin: string, options: PrivatePostgresOptions, runAs: RunAs | undefined): Promise<void> {
  const { dataDir, password } = options;
  const passwordFile = `${dataDir}.password`;
  if (password !== undefined) await writePassword(passwordFile, password, runAs);
  try {
    await toolOutput({
      path: join(bin, 'initdb'),
      args: [
        `--pgdata=${dataDir}`,
        `--username=${options.superuser ?? 'postgres'}`,
        '--auth-local=trust',
        '--auth-host=scram-sha-256',
        '--locale=C.UTF-8',
        '--encoding=UTF8',
        ...(options.scratch ? ['--no-sync'] : []),
        ...(password === undefined ? [] : [`--pwfile=${passwordFile}`]),
        ...(options.initdbArgs ?? []),
      ],
      ...(runAs === undefined ? {} : { runAs }),
      spanName: 'initdb',
    });
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function writePassword(file: string, password: string, owner: RunAs | undefined): Promise<void> {
  await rm(file, { force: true });
  await writeFile(file, `${password}\n`, { mode: 0o600, flag: 'wx' });
  if (owner !== undefined) await chown(file, owner.uid, owner.gid);
}
