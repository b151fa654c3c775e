import { expect, it } from 'vitest';
import { isInWindow } from './window.js';

const at = (time: string) => new Date(`2026-07-01T${time}:00Z`);

it('looks at the clock of the config, not of the machine', () => {
  const night = { from: '02:00', to: '05:00' };
  expect(isInWindow(at('17:00'), night, 'Asia/Tokyo')).toBe(true);
  expect(isInWindow(at('17:00'), night, 'UTC')).toBe(false);
});

it('begins at its start and ends before its end', () => {
  const night = { from: '02:00', to: '05:00' };
  expect(isInWindow(at('01:59'), night, 'UTC')).toBe(false);
  expect(isInWindow(at('02:00'), night, 'UTC')).toBe(true);
  expect(isInWindow(at('04:59'), night, 'UTC')).toBe(true);
  expect(isInWindow(at('05:00'), night, 'UTC')).toBe(false);
});

it('may cross midnight', () => {
  const night = { from: '22:00', to: '04:00' };
  expect(isInWindow(at('23:30'), night, 'UTC')).toBe(true);
  expect(isInWindow(at('00:00'), night, 'UTC')).toBe(true);
  expect(isInWindow(at('04:00'), night, 'UTC')).toBe(false);
  expect(isInWindow(at('12:00'), night, 'UTC')).toBe(false);
});
