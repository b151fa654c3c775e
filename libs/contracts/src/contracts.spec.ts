import { describe, expect, it } from 'vitest';
import {
  BackupCompleted,
  BackupsFile,
  ConfigSpec,
  ERROR_CODES,
  errorHint,
  errorMessage,
  EVENT_TYPES,
  LANGUAGES,
  newEvent,
  readEvent,
  requireValid,
  streamOf,
  validate,
} from './index.js';

const facts = { id: 'msg-1', time: '2026-01-01T00:00:00.000Z', source: 'nats' };

describe('reading an event', () => {
  it('accepts bare data and fills the envelope from the message', () => {
    const read = readEvent('backup.requested', '{"config":"nightly"}', { ...facts, traceparent: '00-a-b-01' });
    expect(read).toMatchObject({
      ok: true,
      value: { id: 'msg-1', type: 'backup.requested', time: facts.time, source: 'nats', traceparent: '00-a-b-01' },
    });
  });

  it('accepts an envelope of ours and keeps its attributes', () => {
    const event = newEvent('backup.requested', { config: 'nightly' }, { source: 'cli', subject: 's', id: 'own' });
    const read = readEvent('backup.requested', JSON.stringify(event), facts);
    expect(read).toEqual({ ok: true, value: event });
  });

  it('names every fault of a bad request at once, with field, value and what is allowed', () => {
    const read = readEvent('backup.requested', '{"config":"","level":"huge","retentionDays":0,"colour":1}', facts);
    expect(read.ok).toBe(false);
    const reasons = read.ok ? [] : read.reasons;
    expect(reasons.map((reason) => reason.field).toSorted()).toEqual(['colour', 'config', 'level', 'retentionDays']);
    expect(reasons.find((reason) => reason.field === 'level')).toMatchObject({
      value: '"huge"',
      message: expect.stringContaining('differential') as string,
    });
  });

  it.each([
    ['not JSON', 'nightly'],
    ['a list', '["nightly"]'],
    ['null', 'null'],
    ['a text', '"nightly"'],
    ['nothing', ''],
    ['an envelope without data', '{"specversion":"1.0","id":"x"}'],
    ['an envelope of another type', '{"specversion":"1.0","id":"x","type":"backup.failed","data":{"config":"a"}}'],
    ['an envelope without id', '{"specversion":"1.0","data":{"config":"a"}}'],
    [
      'an envelope of a later version',
      '{"specversion":"1.0","id":"x","dataschema":"hozen:backup.requested:v2","data":{"config":"a"}}',
    ],
    ['a polluted prototype', '{"__proto__":{"config":"a"}}'],
  ])('refuses %s with a reason and does not throw', (_what, body) => {
    const read = readEvent('backup.requested', body, facts);
    expect(read.ok).toBe(false);
    expect(read.ok ? [] : read.reasons).not.toHaveLength(0);
  });

  it('never repeats what may be a secret', () => {
    const result = validate(BackupsFile, {
      targets: [{ name: 'a', kind: 'postgres', host: 'h', password: 'hunter2' }],
    });
    expect(JSON.stringify(result)).not.toContain('hunter2');
    expect(result).toMatchObject({ ok: false, reasons: [{ field: 'targets.0.password' }] });
  });
});

describe('the backups file', () => {
  it('fills every default', () => {
    const file = requireValid(BackupsFile, {
      configs: [{ name: 'nightly', target: 'main', storage: { kind: 'file', path: '/backup' } }],
    });
    expect(file.configs[0]).toMatchObject({
      level: 'full',
      retentionDays: 30,
      timeoutMinutes: 120,
      compression: 'gzip',
      retries: { connection: { times: 3, seconds: 600, exponential: true }, io: { times: 2, seconds: 300 } },
    });
  });

  it('takes a folder as a target, and fills its defaults', () => {
    const targets = [{ name: 'documents', kind: 'files', path: '/srv/documents/', exclude: ['cache/**', '**/*.tmp'] }];
    expect(requireValid(BackupsFile, { targets }).targets[0]).toEqual({ ...targets[0], crossFilesystems: false });
    expect(
      requireValid(BackupsFile, { targets: [{ name: 'all', kind: 'files', path: '/' }] }).targets[0],
    ).toMatchObject({
      path: '/',
      exclude: [],
    });
  });

  it.each([
    ['db.example.org', true],
    ['::1', true],
    ['/var/run/postgresql', true],
    ['postgres://me:hunter2@db/shop', false],
    ['me@db', false],
    ['db/shop', false],
  ])('has one host, and %j is %s', (host, right) => {
    expect(validate(BackupsFile, { targets: [{ name: 'a', kind: 'postgres', host }] }).ok).toBe(right);
  });

  it('tells of every fault of a folder at once', () => {
    const targets = [
      { name: 'documents', kind: 'files', path: 'srv', host: 'h', exclude: ['/etc', '../x', 'ok'], user: 7 },
    ];
    const result = validate(BackupsFile, { targets });
    expect(result.ok ? [] : result.reasons.map(({ field }) => field).toSorted()).toEqual([
      'targets.0.exclude',
      'targets.0.host',
      'targets.0.path',
      'targets.0.user',
    ]);
  });

  it.each(['', '.', './x', '/a/../b', '/a/.', '/..', '/a//b', '/a\0b'])('refuses the path %j of a folder', (path) => {
    const result = validate(BackupsFile, { targets: [{ name: 'documents', kind: 'files', path }] });
    expect(result).toMatchObject({ ok: false, reasons: [{ field: 'targets.0.path' }] });
  });

  it.each(['a/b', 'a\nb', '..\\x', ''])('refuses the name %j', (name) => {
    const configs = [{ name, target: 't', storage: { kind: 'file', path: '/backup' } }];
    expect(validate(BackupsFile, { configs }).ok).toBe(false);
  });
});

describe('the catalogues', () => {
  it('have a message and a hint for every code in every language, with the same parameters', () => {
    const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).toSorted();
    for (const code of ERROR_CODES) {
      for (const language of LANGUAGES) {
        expect(names(errorMessage(language, code)), `${code} ${language}`).toEqual(names(errorMessage('en', code)));
        expect(names(errorHint(language, code)), `${code} ${language} hint`).toEqual(names(errorHint('en', code)));
      }
    }
  });

  it('carry every event in a stream', () => {
    for (const type of EVENT_TYPES) expect(streamOf(type)).toMatch(/^[A-Z]+$/);
    expect(() => streamOf('unknown.event')).toThrow(/STREAMS/);
  });
});

describe('parts of an input that have fields of their own', () => {
  it('are missed when they are not there', () => {
    const config = { name: 'n', target: 't' };
    expect(validate(ConfigSpec, config)).toMatchObject({ ok: false, reasons: [{ field: 'storage' }] });
    const result = validate(BackupCompleted, {});
    const fields = result.ok ? [] : result.reasons.map(({ field }) => field);
    expect(fields).toEqual(expect.arrayContaining(['artefact', 'proof']));
  });
});
