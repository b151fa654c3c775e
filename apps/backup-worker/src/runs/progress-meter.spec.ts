import { expect, it } from 'vitest';
import { ProgressMeter } from './progress-meter.js';

it('knows nothing before the first update', () => {
  expect(new ProgressMeter().current()).toBeUndefined();
});

it('tells per cent only where the end is known, and never more than all', () => {
  const meter = new ProgressMeter();
  meter.update({ phase: 'dumping', bytes: 50 });
  expect(meter.current()).not.toHaveProperty('percent');
  meter.update({ phase: 'dumping', bytes: 150, expectedBytes: 100 });
  expect(meter.current()).toMatchObject({ phase: 'dumping', bytes: 150, percent: 100 });
});

it('starts anew with each phase', () => {
  const meter = new ProgressMeter();
  meter.update({ phase: 'dumping', bytes: 50, expectedBytes: 100, item: 'shop' });
  meter.update({ phase: 'verifying' });
  expect(meter.current()).toEqual({ phase: 'verifying', bytes: 0, bytesPerSecond: 0 });
});
