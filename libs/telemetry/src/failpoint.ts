import { writeFileSync } from 'node:fs';

/**
 * Fault injection for tests: a place between two durable effects where a process can be made to die or to stop.
 *
 * `HOZEN_FAILPOINTS` names them, separated by commas: `<name>=<action>[@<marker file>]`. Actions: `kill` (SIGKILL),
 * `pause` (SIGSTOP), `throw`. With a marker file it happens once: whoever creates the file first, so that the process
 * that is started next goes on.
 */
export async function failpoint(name: string): Promise<void> {
  const spec = process.env['HOZEN_FAILPOINTS'];
  if (spec === undefined || spec === '') return;
  for (const each of spec.split(',')) {
    const match = /^([^=]+)=(kill|pause|throw)(?:@(.+))?$/.exec(each.trim());
    if (match?.[1] !== name) continue;
    if (match[3] !== undefined && !createdFirst(match[3])) continue;
    await act(match[2] as 'kill' | 'pause' | 'throw', name);
  }
}

async function act(action: 'kill' | 'pause' | 'throw', name: string): Promise<void> {
  if (action === 'throw') throw new Error(`failpoint ${name}`);
  process.kill(process.pid, action === 'kill' ? 'SIGKILL' : 'SIGSTOP');
  // The signal may be delivered a moment later; nothing after the failpoint may run before it.
  await new Promise((resolve) => {
    setTimeout(resolve, 100);
  });
}

function createdFirst(marker: string): boolean {
  try {
    writeFileSync(marker, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
