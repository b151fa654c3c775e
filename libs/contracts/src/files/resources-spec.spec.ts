import { expect, it } from 'vitest';
import { validate } from '../events/validation.js';
import { ConfigSpec } from './config-spec.js';

const check = (change: object) =>
  validate(ConfigSpec, { name: 'nightly', target: 'shop', storage: { kind: 'file', path: '/srv/backups' }, ...change });

it('a config that says nothing takes half of the processors, and the last place at the disk', () => {
  const result = check({});
  expect(result.ok && result.value.resources).toEqual({ cpuPercent: 50, ioClass: 'best-effort', ioLevel: 7 });
});

it('a config that says something of its resources has the defaults for the rest', () => {
  const result = check({ resources: { writeBytesPerSecond: 20_000_000 } });
  expect(result.ok && result.value.resources).toMatchObject({ cpuPercent: 50, writeBytesPerSecond: 20_000_000 });
});

it.each([
  [{ resources: { cpuPercent: 0 } }, 'resources.cpuPercent'],
  [{ resources: { cpuPercent: 101 } }, 'resources.cpuPercent'],
  [{ resources: { ioClass: 'realtime' } }, 'resources.ioClass'],
  [{ resources: { ioLevel: 8 } }, 'resources.ioLevel'],
  [{ resources: { readBytesPerSecond: 1_000 } }, 'resources.readBytesPerSecond'],
  [{ resources: { writeBytesPerSecond: '20 MB' } }, 'resources.writeBytesPerSecond'],
  [{ storage: { kind: 'file', path: '/srv/backups', maxRuns: 0 } }, 'storage.maxRuns'],
  [{ storage: { kind: 's3', bucket: 'backups', maxRuns: 1.5 } }, 'storage.maxRuns'],
])('%j is refused by the name of the field', (change, field) => {
  const result = check(change);
  const fields = result.ok ? [] : result.reasons.map((reason) => reason.field);
  expect([...new Set(fields)]).toEqual([field]);
});
