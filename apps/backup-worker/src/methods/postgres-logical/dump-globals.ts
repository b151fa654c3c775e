import { pour, startTool } from '../../pipeline/pour.js';
import type { ClusterDump } from './dump-database.js';

export const ROLES = 'globals/roles.sql';
export const TABLESPACES = 'globals/tablespaces.sql';

/** Roles with their memberships, passwords and settings; tablespaces with their owners, rights and settings. */
export async function dumpGlobals(dump: Omit<ClusterDump, 'slots'>): Promise<void> {
  await dumpAll(dump, ROLES, '--roles-only');
  await dumpAll(dump, TABLESPACES, '--tablespaces-only');
}

async function dumpAll({ target, env, writer, signal }: Omit<ClusterDump, 'slots'>, name: string, what: string) {
  const tool = await startTool({
    path: target.tools.path('pg_dumpall'),
    args: [what, '--no-password'],
    env: await env,
    signal,
    attributes: { 'hozen.stream': name },
  });
  const stream = writer.openStream(name);
  await pour(tool, stream);
  await writer.endStream(stream);
}
