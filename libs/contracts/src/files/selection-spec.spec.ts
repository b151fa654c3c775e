import { describe, expect, it } from 'vitest';
import { validate } from '../events/validation.js';
import { ConfigSpec } from './config-spec.js';
import { parseNamePattern, wholeName } from './name-pattern.js';

const config = (parts: object) => ({
  name: 'nightly',
  target: 'erp',
  storage: { kind: 'file', path: '/srv/backups' },
  ...parts,
});

function faults(parts: object): string[] {
  const result = validate(ConfigSpec, config(parts));
  return result.ok ? [] : result.reasons.map(({ field, message }) => `${field}: ${message}`);
}

describe('the pattern of a name', () => {
  it.each([
    ['orders', 'orders', true],
    ['Orders', 'orders', true],
    ['"Orders"', 'Orders', true],
    ['"a""b"', 'a"b', true],
    ['"--x.y*"', '--x.y*', true],
    ['"new\nline"', 'new\nline', true],
    ['注文', '注文', true],
    ['a$b', 'a$b', true],
    ['events_*', 'events_2026', false],
    ['event?', 'events', false],
    ['events_[0-9]+', 'events_1', false],
    ['(a|b)', 'b', false],
  ])('%s matches %s', (text, name, isExact) => {
    const pattern = parseNamePattern(text, 'table');
    expect(pattern).toMatchObject({ isExact });
    if (typeof pattern === 'string') throw new Error(pattern);
    expect(name).toMatch(new RegExp(wholeName(pattern.name), 's'));
    expect(`${name}x`).not.toMatch(new RegExp(`^(${pattern.name.replace(/\.\*$/, '')})$`, 's'));
  });

  it('has a schema before a dot, and a database before a colon', () => {
    expect(parseNamePattern('"my:db":Sales.orders', 'table')).toMatchObject({
      database: 'my:db',
      schema: 'sales',
      name: 'orders',
    });
    expect(parseNamePattern('a[[:digit:]]', 'table')).toMatchObject({ name: 'a[[:digit:]]' });
    expect(parseNamePattern('a[[:digit:]]', 'table')).not.toHaveProperty('database');
    expect(parseNamePattern('shop:sales', 'schema')).toMatchObject({ database: 'shop', name: 'sales' });
  });
});

describe('the parts that a config names', () => {
  it('are taken as they are', () => {
    expect(
      faults({
        include: { databases: ['shop'], tables: ['public.*'] },
        exclude: { rows: ['audit.log'], schemas: ['tmp_*'] },
      }),
    ).toEqual([]);
  });

  it.each([
    ['a quote that does not end', { include: { tables: ['public."orders'] } }, 'without its second one'],
    ['a bracket that does not end', { include: { tables: ['public.(a'] } }, 'a bracket has no second one'],
    ['too many dots', { include: { tables: ['shop.public.orders'] } }, 'shop:public.orders'],
    ['a dot in a database', { include: { databases: ['a.b'] } }, 'double quotes'],
    ['an empty name', { include: { tables: ['public.'] } }, 'has an empty name'],
    ['no text', { include: { tables: [7] } }, 'must be text'],
    ['an empty list', { include: { tables: [] } }, 'should not be empty'],
    ['schemas and tables', { include: { schemas: ['a'], tables: ['b'] } }, 'either schemas or tables'],
    ['another method', { method: 'postgres-physical', exclude: { tables: ['a'] } }, 'for the method postgres-logical'],
    ['something unknown', { exclude: { views: ['a'] } }, 'not a known field'],
  ])('are refused with %s', (_what, parts, fault) => {
    expect(faults(parts).join('\n')).toContain(fault);
  });

  it('are refused with every fault', () => {
    const found = faults({ include: { tables: ['"a', 'b.c.d'] }, exclude: { schemas: ['(x'] } });
    expect(found.join('\n')).toMatch(/"a.*b\.c\.d/s);
    expect(found.join('\n')).toContain('(x');
  });
});
