import { isRecord, type EventType } from '@hozen/contracts';

/** What a rejection repeats of the request, so that a person recognises it. */
const REPEATED: Partial<Record<EventType, 'config' | 'target'>> = {
  'backup.rejected': 'config',
  'maintenance.rejected': 'target',
};

const LONGEST_NAME = 200;

/** As far as the request can be read; never throws. */
export function requestFacts(rejectedAs: EventType, body: string): Record<string, string> {
  const field = REPEATED[rejectedAs];
  const data = dataOf(body);
  const value = field === undefined ? undefined : data?.[field];
  return field !== undefined && typeof value === 'string' && value !== ''
    ? { [field]: value.slice(0, LONGEST_NAME) }
    : {};
}

function dataOf(body: string): Record<string, unknown> | undefined {
  try {
    const parsed = JSON.parse(body) as unknown;
    if (!isRecord(parsed)) return undefined;
    if (!('specversion' in parsed)) return parsed;
    return isRecord(parsed['data']) ? parsed['data'] : undefined;
  } catch {
    return undefined;
  }
}
