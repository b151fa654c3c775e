import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { HozenError } from '@hozen/contracts';
import { expect, it } from 'vitest';
import { LeaseKeeper } from './lease-keeper.js';

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

it('keeps a lease for as long as renewing succeeds', async () => {
  let renewals = 0;
  await using lease = LeaseKeeper.keep({
    ttlMs: 200,
    everyMs: 40,
    marginMs: 50,
    renew: () => Promise.resolve(++renewals > 0),
  });
  await expect.poll(() => renewals, { timeout: 5000 }).toBeGreaterThan(8);
  lease.ensure();
  expect(lease.signal.aborted).toBe(false);
});

it('aborts at once when somebody else has the lease', async () => {
  const lost: HozenError[] = [];
  await using lease = LeaseKeeper.keep({
    ttlMs: 60_000,
    everyMs: 10,
    renew: () => Promise.resolve(false),
    onLost: (error) => lost.push(error),
  });
  await aborted(lease.signal);
  expect(() => lease.ensure()).toThrow(expect.objectContaining({ code: 'LEASE_LOST' }));
  expect(lost.map((error) => error.code)).toEqual(['LEASE_LOST']);
});

it('aborts before the lease runs out when the database does not answer', async () => {
  const claimedAt = performance.now();
  await using lease = LeaseKeeper.keep({
    ttlMs: 1_500,
    everyMs: 50,
    marginMs: 1_000,
    renew: () => Promise.reject(new Error('connection lost')),
  });
  await aborted(lease.signal);
  expect(performance.now() - claimedAt).toBeLessThan(1_200);
  expect(performance.now() - claimedAt).toBeGreaterThan(400);
});

it('survives a renewal that is slow, and one that fails, while there is time', async () => {
  let renewals = 0;
  await using lease = LeaseKeeper.keep({
    ttlMs: 600,
    everyMs: 20,
    marginMs: 100,
    renew: async () => {
      renewals += 1;
      if (renewals === 1) await wait(250);
      if (renewals === 2) throw new Error('connection lost');
      return true;
    },
  });
  await expect.poll(() => renewals, { timeout: 5000 }).toBeGreaterThan(5);
  lease.ensure();
});

it('counts from before a renewal was sent: an answer that took too long renews nothing', async () => {
  await using lease = LeaseKeeper.keep({
    ttlMs: 200,
    everyMs: 10,
    marginMs: 50,
    renew: async () => {
      await wait(250);
      return true;
    },
  });
  await aborted(lease.signal);
  await wait(150);
  expect(() => lease.ensure()).toThrow(expect.objectContaining({ code: 'LEASE_LOST' }));
});

it('counts a renewal that succeeded from before it was sent, not from its answer', async () => {
  let sentAt: number | undefined;
  await using lease = LeaseKeeper.keep({
    ttlMs: 1_500,
    everyMs: 10,
    marginMs: 500,
    renew: async () => {
      if (sentAt !== undefined) throw new Error('connection lost');
      sentAt = performance.now();
      await wait(700);
      return true;
    },
  });
  await aborted(lease.signal);
  // From the answer it would be 1700.
  expect(performance.now() - (sentAt ?? 0)).toBeLessThan(1_500);
});

it('refuses by the monotonic clock alone when the process was paused and no timer has run', () => {
  const lease = LeaseKeeper.keep({ ttlMs: 100, everyMs: 60_000, marginMs: 50, renew: () => Promise.resolve(true) });
  const until = performance.now() + 70;
  while (performance.now() < until);
  expect(() => lease.ensure()).toThrow(expect.objectContaining({ code: 'LEASE_LOST' }));
});

it('writes nothing after it was stopped', async () => {
  let renewing = 0;
  let renewals = 0;
  const lease = LeaseKeeper.keep({
    ttlMs: 10_000,
    everyMs: 10,
    renew: async () => {
      renewing += 1;
      await wait(50);
      renewing -= 1;
      renewals += 1;
      return true;
    },
  });
  await expect.poll(() => renewing).toBe(1);
  await lease.stop();
  expect(renewing).toBe(0);
  const before = renewals;
  await wait(60);
  expect(renewals).toBe(before);
  expect(lease.signal.aborted).toBe(false);
});
