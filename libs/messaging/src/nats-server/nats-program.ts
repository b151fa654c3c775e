import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { HozenError } from '@hozen/contracts';

const run = promisify(execFile);

/** How to start nats-server so that it dies with this process. */
export interface NatsProgram {
  command: string;
  args: string[];
  version: string;
}

/** Debian keeps it in /usr/sbin, which is not on every user's PATH. */
const SEARCHED = ['nats-server', '/usr/sbin/nats-server', '/usr/local/bin/nats-server'];

/** Finds nats-server: `HOZEN_NATS_SERVER`, PATH, the usual folders. @throws HozenError SERVER_START_FAILED */
export async function natsProgram(): Promise<NatsProgram> {
  for (const path of [process.env['HOZEN_NATS_SERVER'], ...SEARCHED]) {
    if (path === undefined) continue;
    const version = await versionOf(path);
    if (version !== undefined) return { ...(await bound(path)), version };
  }
  const detail =
    'the program nats-server was not found; install it (Debian: apt-get install nats-server) or set HOZEN_NATS_SERVER';
  throw new HozenError('SERVER_START_FAILED', { server: 'nats-server' }, { detail });
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await run(path, ['--version']);
    return /v(\d+\.\d+\.\d+)/.exec(stdout + stderr)?.[1];
  } catch {
    return undefined;
  }
}

/** Linux tells the child when its parent dies; elsewhere the child is only stopped in an orderly end. */
async function bound(path: string): Promise<{ command: string; args: string[] }> {
  try {
    await run('setpriv', ['--pdeathsig', 'KILL', 'true']);
    return { command: 'setpriv', args: ['--pdeathsig', 'KILL', path] };
  } catch {
    return { command: path, args: [] };
  }
}
