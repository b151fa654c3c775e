import { describe, expect, it } from 'vitest';
import { withCastsAtElements } from './array-casts.js';

describe('casts of arrays', () => {
  it.each([
    [
      `CHECK (((s)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))`,
      `CHECK (((s)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text])))`,
    ],
    [
      `(s::text = ANY (ARRAY['a'::character varying, 'b'::character varying]::text[]))`,
      `(s::text = ANY (ARRAY['a'::character varying::text, 'b'::character varying::text]))`,
    ],
    [
      `((ARRAY['x, ]''y'::citext, f(a, b[1])])::"My ""Type"[])`,
      `(ARRAY[('x, ]''y'::citext)::"My ""Type", (f(a, b[1]))::"My ""Type"])`,
    ],
    [
      `((ARRAY[ARRAY[1, 2], ARRAY[3, 4]])::numeric(10,2)[])`,
      `(ARRAY[ARRAY[(1)::numeric(10,2), (2)::numeric(10,2)], ARRAY[(3)::numeric(10,2), (4)::numeric(10,2)]])`,
    ],
    [
      `a = ((ARRAY[x])::text[]) AND b = ((ARRAY[y])::public.t[])`,
      `a = (ARRAY[(x)::text]) AND b = (ARRAY[(y)::public.t])`,
    ],
  ])('are written at the elements: %s', (stored, read) => {
    expect(withCastsAtElements(stored)).toBe(read);
    expect(withCastsAtElements(read)).toBe(read);
  });

  it.each([
    `CHECK ((k = ANY (ARRAY['a'::text, 'b'::text])))`,
    `'ARRAY['::text`,
    `(ARRAY['a'::text])::text`,
    `ARRAY[]`,
    `body 'it''s ARRAY[ and never closed`,
  ])('are left alone where there are none: %s', (definition) => {
    expect(withCastsAtElements(definition)).toBe(definition);
  });

  it('are told apart from other ones', () => {
    const one = withCastsAtElements(`((ARRAY['a'::character varying])::text[])`);
    expect(withCastsAtElements(`(ARRAY[('b'::character varying)::text])`)).not.toBe(one);
    expect(withCastsAtElements(`(ARRAY[('a'::character varying)::name])`)).not.toBe(one);
  });
});
