import { randomUUID } from 'node:crypto';
import type { EventType } from '@hozen/contracts';
import type { Stack } from '../src/stack.js';

type Work = 'backup' | 'restore' | 'verification';

/**
 * Waits until what was asked for has come to its end, which its event tells: asking for it again and again would be work for
 * the worker that is measured.
 */
export async function ended(stack: Stack, work: Work, requestId: string): Promise<void> {
  const types: EventType[] = [`${work}.completed`, `${work}.failed`, `${work}.rejected`];
  await Promise.race(types.map((type) => stack.events.next(type, requestId)));
}

/** Publishes a request, and waits until it has come to its end. @returns its id */
export async function requested(stack: Stack, work: Work, request: object): Promise<string> {
  const requestId = randomUUID();
  const ending = ended(stack, work, requestId);
  await stack.events.publish(`${work}.requested`, JSON.stringify(request), requestId);
  await ending;
  return requestId;
}
