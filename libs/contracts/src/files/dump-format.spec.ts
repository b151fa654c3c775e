import { expect, it } from 'vitest';
import { validate } from '../events/validation.js';
import { ConfigSpec } from './config-spec.js';

const check = (change: object) =>
  validate(ConfigSpec, { name: 'nightly', target: 'shop', storage: { kind: 'file', path: '/srv/backups' }, ...change });

it('a config that says nothing dumps into an archive, and one of a dump of the whole server may want SQL', () => {
  const [archive, sql] = [check({}), check({ format: 'sql' })];
  expect(archive.ok && archive.value.format).toBe('archive');
  expect(sql.ok && sql.value.format).toBe('sql');
  expect(check({ format: 'archive', method: 'files' }).ok).toBe(true);
});

it.each([
  [{ format: 'sql', include: { databases: ['shop'] } }],
  [{ format: 'sql', exclude: { schemas: ['tmp_*'] } }],
  [{ format: 'sql', method: 'files' }],
  [{ format: 'sql', method: 'postgres-physical' }],
  [{ format: 'directory' }],
])('%j is refused by the name of the field', (change) => {
  const result = check(change);
  expect(result.ok ? [] : result.reasons.map(({ field }) => field)).toEqual(['format']);
});
