import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ENDINGS, EXIT_CODES } from './exit-codes.js';
import { TestSurroundings } from './testing/surroundings.js';

describe('a wrong command line', () => {
  it.each([
    [['frob'], 'There is no command "frob"'],
    [['runs', '--frob'], 'There is no option "--frob"'],
    [['run'], 'An argument is missing: run'],
    [['run', ''], 'An argument is missing: run'],
    [['apply'], 'A required option is missing: -f, --file <file>'],
    [['runs', '--config'], 'needs a value'],
    [['runs', 'extra'], 'too many arguments'],
    [['runs', '--limit', '0'], '"0" is not a whole number of 1 to 200'],
    [['runs', '--limit', '201'], '"201" is not a whole number of 1 to 200'],
    [['runs', '--state', 'frob'], '"frob" is not possible here. Allowed: queued, running'],
    [['backup', 'nightly', '--level', 'half'], '"half" is not possible here. Allowed: full'],
  ])('%j ends as invalid and names the fault', async (args, sentence) => {
    const around = new TestSurroundings();
    expect(await around.hozen(...args)).toBe('invalid');
    expect(around.written.err).toContain(sentence);
    expect(around.written.out).toBe('');
  });

  it('shows the help when there is no command', async () => {
    const around = new TestSurroundings();
    expect(await around.hozen()).toBe('invalid');
    expect(around.written.err).toContain('Usage: hozen');
  });
});

describe('help', () => {
  it('speaks the language of the locale, or the one that is asked for', async () => {
    const japanese = new TestSurroundings({ LANG: 'ja_JP.UTF-8' });
    expect(await japanese.hozen('help', 'backup')).toBe('ok');
    expect(japanese.written.out).toContain('使い方: hozen backup');
    const chinese = new TestSurroundings({ LANG: 'ja_JP.UTF-8' });
    await chinese.hozen('backup', '--help', '--lang', 'zh');
    expect(chinese.written.out).toContain('用法： hozen backup');
    const english = new TestSurroundings({ LC_ALL: 'C', LANG: 'ja_JP.UTF-8' });
    await english.hozen('backup', '--help');
    expect(english.written.out).toContain('Usage: hozen backup');
  });

  it.each(['up', 'apply', 'backup', 'runs', 'run', 'configs', 'schedules', 'trace', 'cancel'])(
    'of %s has an example',
    async (command) => {
      const around = new TestSurroundings();
      expect(await around.hozen('help', command)).toBe('ok');
      expect(around.written.out).toMatch(new RegExp(`Examples:\\n.*hozen ${command}`));
    },
  );

  it('explains every exit code', async () => {
    const around = new TestSurroundings();
    expect(await around.hozen('help', 'exit-codes')).toBe('ok');
    for (const ending of ENDINGS) expect(around.written.out).toMatch(new RegExp(`^ +${EXIT_CODES[ending]}  \\S`, 'm'));
  });
});

describe('a service that does not answer', () => {
  it('ends as unreachable, in words, and as JSON where JSON was asked for', async () => {
    const home = await mkdtemp(join(tmpdir(), 'hozen-cli-'));
    const words = new TestSurroundings({ HOZEN_HOME: home });
    expect(await words.hozen('runs')).toBe('unreachable');
    expect(words.written.err).toMatch(/SERVICE_UNREACHABLE: .*backup-worker[\s\S]*hozen up[\s\S]*HOZEN_BACKUP_URL/);
    const json = new TestSurroundings({ HOZEN_BACKUP_URL: 'http://127.0.0.1:1' });
    expect(await json.hozen('runs', '--json')).toBe('unreachable');
    expect(JSON.parse(json.written.err)).toMatchObject({ error: { code: 'SERVICE_UNREACHABLE' } });
    await rm(home, { recursive: true });
  });
});
