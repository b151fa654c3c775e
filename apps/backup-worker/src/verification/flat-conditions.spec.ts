import { describe, expect, it } from 'vitest';
import { withFlatConditions } from './flat-conditions.js';

describe('conditions', () => {
  it.each([
    ['CHECK ((((x >= 1) AND (x <= 2)) AND (y > 0)))', 'CHECK (((x >= 1) AND (x <= 2) AND (y > 0)))'],
    ['CHECK ((((x < 1) OR (x > 2)) OR y))', 'CHECK (((x < 1) OR (x > 2) OR y))'],
    ['((((a AND b) AND c) AND d) OR e)', '((a AND b AND c AND d) OR e)'],
    ['((((a OR b) OR c) AND d) AND e)', '((a OR b OR c) AND d AND e)'],
    [`(((a = ')'::text) AND ("b(" = '''('::text)) AND c)`, `((a = ')'::text) AND ("b(" = '''('::text) AND c)`],
    ['FROM (a\n     LEFT JOIN b ON TRUE)\n  WHERE x', 'FROM (a\n     LEFT JOIN b ON (true))\n  WHERE x'],
  ])('are shown flat, as a copy shows them: %s', (stored, read) => {
    expect(withFlatConditions(stored)).toBe(read);
    expect(withFlatConditions(read)).toBe(read);
  });

  it.each([
    'CHECK (((y > 0) AND ((x >= 1) AND (x <= 2))))',
    'CHECK ((((x >= 1) AND (x <= 2)) OR (y > 0)))',
    'CHECK (((NOT (a AND b)) AND c))',
    'CHECK ((f((a AND b)) AND c))',
    `'(((a AND b) AND c)'::text AND d)`,
    'AS $_$ SELECT (((a AND b) AND c)) FROM x JOIN y ON TRUE $_$',
    `AS $$ never ended ((`,
    `) ) AND ('`,
    ' COLUMN "x ON TRUE" text',
  ])('are left alone where the copy nests them too: %s', (definition) => {
    expect(withFlatConditions(definition)).toBe(definition);
  });
});
