import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { installations } from '../tools/installations.js';
import { toolOutput } from '../tools/tool-output.js';
import { serverUser } from './server-user.js';

/**
 * Reads every page of a stopped cluster that has page checksums, with pg_checksums.
 * @returns a line about each wrong page, as many as the program's last messages have
 * @throws HozenError TOOL_MISSING, TOOL_FAILED
 */
export async function wrongPages(dataDir: string, major: number, signal?: AbortSignal): Promise<string[]> {
  const bin = (await installations('postgres')).find((each) => each.major === major)?.bin;
  if (bin === undefined) throw new HozenError('TOOL_MISSING', { tool: 'pg_checksums', major });
  const runAs = await serverUser();
  try {
    await toolOutput({
      path: join(bin, 'pg_checksums'),
      args: ['--check', `--pgdata=${dataDir}`],
      ...(runAs ? { runAs } : {}),
      ...(signal ? { signal } : {}),
    });
    return [];
  } catch (error) {
    const wrong = error instanceof HozenError ? (error.detail ?? '').match(/checksum verification failed.*/g) : null;
    if (!wrong) throw error;
    return [...wrong];
  }
}
