import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { isExecutable } from '../processes/find-program.js';
import { installations, type Installation } from './installations.js';
import { firstPatched, isPatched } from './versions.js';

export type PostgresTool =
  | 'pg_dump'
  | 'pg_dumpall'
  | 'pg_restore'
  | 'psql'
  | 'pg_basebackup'
  | 'pg_verifybackup'
  | 'pg_receivewal'
  | 'pg_amcheck';

/** PostgreSQL's client programs of one installation. */
export interface PostgresTools {
  major: number;
  /** `15.20` */
  version: string;
  /** Full path. @throws HozenError TOOL_MISSING */
  path(tool: PostgresTool): string;
}

/**
 * The client programs for a server: its own major when installed, else the next newer one; an older pg_dump refuses.
 *
 * Those with known faults are passed over, and refused where there are no others, because a backup reads whatever the server
 * sends; HOZEN_ALLOW_UNPATCHED=1 is for those who cannot upgrade and trust their servers.
 *
 * @param serverVersionNum `server_version_num`, e.g. 150020
 * @param installed where they are being looked for already
 * @throws HozenError TOOL_MISSING, TOOL_TOO_OLD, TOOL_UNPATCHED
 */
export async function findTools(
  serverVersionNum: number,
  installed: Promise<readonly Installation[]> = installations('pg_dump'),
): Promise<PostgresTools> {
  const server = Math.floor(serverVersionNum / 10_000);
  const chosen = chooseFor(server, await installed, process.env['HOZEN_ALLOW_UNPATCHED'] === '1');
  return { major: chosen.major, version: chosen.version, path: (tool) => pathIn(chosen, tool) };
}

/** @throws HozenError as {@link findTools} */
export function chooseFor(server: number, installed: readonly Installation[], evenUnpatched: boolean): Installation {
  const fitting = installed.filter(({ major }) => major >= server);
  const chosen = fitting.filter(({ version }) => evenUnpatched || isPatched(version)).reduce(older, undefined);
  if (chosen === undefined) throw noneFor(server, installed, fitting.reduce(older, undefined));
  return chosen;
}

function older(best: Installation | undefined, next: Installation): Installation {
  return best === undefined || next.major < best.major ? next : best;
}

function noneFor(server: number, installed: readonly Installation[], unpatched: Installation | undefined): HozenError {
  if (unpatched) {
    const { version, major } = unpatched;
    return new HozenError('TOOL_UNPATCHED', { tool: 'pg_dump', version, minimum: firstPatched(major) ?? '' });
  }
  const newest = installed.toSorted((a, b) => b.major - a.major)[0];
  return newest === undefined
    ? new HozenError('TOOL_MISSING', { tool: 'pg_dump', major: server })
    : new HozenError('TOOL_TOO_OLD', { server, client: newest.version });
}

function pathIn({ bin, major }: Installation, tool: PostgresTool): string {
  const path = join(bin, tool);
  if (!isExecutable(path)) throw new HozenError('TOOL_MISSING', { tool, major });
  return path;
}
