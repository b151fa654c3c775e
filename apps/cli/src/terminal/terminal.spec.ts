import { describe, expect, it } from 'vitest';
import { testContext } from '../testing/surroundings.js';
import { runView } from '../testing/views.js';
import { barLine } from './progress.js';
import { cut, oneLine, widthOf } from './styles.js';
import { tableText } from './table.js';
import { bytesText, clockText, durationText, timeText } from './units.js';

describe('units', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [999_499, '999 kB'],
    [999_999, '1.00 MB'],
    [12_345_678, '12.3 MB'],
    [5e15, '5.00 PB'],
  ])('%d bytes read as %s', (bytes, text) => expect(bytesText(bytes)).toBe(text));

  it.each([
    [0.4, '0 ms'],
    [850, '850 ms'],
    [999.6, '1.0 s'],
    [12_340, '12.3 s'],
    [59_960, '1:00'],
    [7_800_000, '2:10:00'],
  ])('%d ms read as %s', (milliseconds, text) => expect(durationText(milliseconds)).toBe(text));

  it('count hours only where there are some', () => {
    expect([clockText(5), clockText(65), clockText(3600)]).toEqual(['0:05', '1:05', '1:00:00']);
  });

  it('tell times in the zone that is asked for', () => {
    expect(timeText('2026-11-21T17:00:00Z', 'Asia/Tokyo')).toBe('2026-11-22 02:00:00 +09:00');
    expect(timeText('2026-11-21T17:00:00Z', 'UTC')).toBe('2026-11-21 17:00:00 +00:00');
  });
});

describe('text on a terminal', () => {
  it('is as wide as it looks', () => {
    expect(widthOf('保全')).toBe(4);
    expect(widthOf('\u001B[31mred\u001B[0m')).toBe(3);
    expect(widthOf('e\u0301')).toBe(1);
  });

  it('is cut by columns, not by characters', () => {
    expect(cut('保全保全', 5)).toBe('保全…');
    expect(cut('short', 5)).toBe('short');
  });

  it('loses what would steer the terminal', () => {
    expect(oneLine('a\u001B[31m\nb\u202Ec')).toBe('a [31m b c');
  });

  it('stands in columns, wide characters too', () => {
    const text = tableText(
      testContext(),
      ['A', 'B'],
      [
        ['保全', 'x'],
        ['ab', 'y'],
      ],
    );
    expect(text).toBe('A     B\n保全  x\nab    y\n');
  });
});

describe('the line of progress', () => {
  it('names phase, share, rate, time left and what is being worked on', () => {
    const progress = {
      phase: 'dumping',
      bytes: 50,
      expectedBytes: 100,
      percent: 50,
      bytesPerSecond: 85_300_000,
      remainingSeconds: 12,
      item: 'shop',
    } as const;
    expect(barLine(testContext(), runView({ progress }))).toBe(
      '  dumping  [████████████············] 50 %  85.3 MB/s  0:12 left  shop',
    );
  });

  it('leaves out what cannot be known', () => {
    expect(barLine(testContext(), runView({ progress: { phase: 'checking', bytes: 0, bytesPerSecond: 0 } }))).toBe(
      '  checking  0.0 MB/s',
    );
  });

  it('says when a failed attempt is made again', () => {
    const run = runView({
      state: 'queued',
      notBefore: '2026-11-21T00:10:00Z',
      attempts: [{ attempt: 1, startedAt: '2026-11-21T00:00:00Z', status: 'failure' }],
    });
    expect(barLine(testContext(), run)).toContain('Attempt 1 failed; tried again at ');
  });
});
