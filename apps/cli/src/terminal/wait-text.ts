import type { WaitView } from '@hozen/contracts';
import type { Context } from '../context.js';
import { oneLine } from './styles.js';
import { bytesText, timeText } from './units.js';

/** What a queued run waits for. */
export function waitText({ text }: Context, wait: WaitView): string {
  switch (wait.kind) {
    case 'time':
      return text('wait.time', { time: timeText(wait.until) });
    case 'target':
      return text('wait.target', { id: wait.runId, config: oneLine(wait.config) });
    case 'storage': {
      const { running, limit, ahead } = wait;
      return text('wait.storage', { storage: oneLine(wait.storage), running, limit, ahead });
    }
    case 'space':
      return text('wait.space', {
        path: oneLine(wait.path),
        needed: bytesText(wait.neededBytes),
        free: bytesText(Math.max(0, wait.freeBytes)),
        kept: bytesText(wait.keptBytes),
      });
    case 'worker':
  }
  return text('wait.worker');
}

/** Where it waits for more than its turn: as {@link waitsText}. */
export function longWaitsText(context: Context, waits: readonly WaitView[] | undefined): string | undefined {
  return waitsText(
    context,
    waits?.filter(({ kind }) => kind !== 'worker'),
  );
}

/** All that it waits for; undefined where it is about to start, or has. */
export function waitsText(context: Context, waits: readonly WaitView[] | undefined): string | undefined {
  return waits && waits.length > 0 ? waits.map((wait) => waitText(context, wait)).join('; ') : undefined;
}
