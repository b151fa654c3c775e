import { expect, it } from 'vitest';
import { isLeftoverName } from './leftover-name.js';

const long = 'x'.repeat(63);
const wide = '長'.repeat(21);

it.each([
  ['items_code_ccnew', 'items_code'],
  ['items_code_ccold', 'items_code'],
  ['items_code_ccnew12', 'items_code'],
  [`${'x'.repeat(57)}_ccnew`, long],
  [`${'x'.repeat(56)}_ccnew1`, long],
  // 57 bytes are left for the name: 19 characters of three bytes.
  [`${'長'.repeat(19)}_ccnew`, wide],
  [`${'長'.repeat(18)}_ccnew1`, wide],
])('%s is what a rebuild of %s may leave', (candidate, index) => {
  expect(isLeftoverName(candidate, index)).toBe(true);
});

it.each([
  ['items_code', 'items_code'],
  ['items_ccnew', 'items_code'],
  ['other_ccnew', 'items_code'],
  ['items_code_ccnewer', 'items_code'],
  ['_ccnew', 'items_code'],
  [`${'x'.repeat(40)}_ccnew`, long],
])('%s is not what a rebuild of %s leaves', (candidate, index) => {
  expect(isLeftoverName(candidate, index)).toBe(false);
});
