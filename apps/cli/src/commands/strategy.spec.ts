import {
  BackupsFile,
  definitionOf,
  METHOD_LEVELS,
  requireValid,
  TARGET_KINDS,
  type TargetView,
} from '@hozen/contracts';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { STRATEGIES, strategyOf } from '../configuration/strategies.js';
import { ServiceDouble, type Asked } from '../testing/service-double.js';
import { TestSurroundings } from '../testing/surroundings.js';

const TARGETS: TargetView[] = [
  { name: 'erp', kind: 'postgres', host: 'db1', port: 5432 },
  { name: 'web', kind: 'mariadb', host: 'db2', port: 3306 },
  { name: 'documents', kind: 'files', path: '/srv/documents' },
];

function answer({ path, method }: Asked) {
  if (path === '/targets') return { body: TARGETS };
  if (path === '/configs/nightly') {
    return {
      body: {
        name: 'nightly',
        target: 'erp',
        retentionDays: 3,
        storage: { kind: 's3', bucket: 'b', region: 'ap-northeast-1' },
        encryption: { recipients: ['age1qqq'] },
      },
    };
  }
  return method === 'PUT' ? { body: { applied: false, changes: [] } } : { status: 404, body: {} };
}

async function printed(...args: string[]): Promise<{ configs: Record<string, unknown>[]; schedules: object[] }> {
  await using services = await ServiceDouble.start(answer);
  const around = new TestSurroundings({ HOZEN_BACKUP_URL: services.url });
  expect(await around.hozen('strategy', 'apply', ...args, '--print')).toBe('ok');
  expect(services.asked.every(({ method }) => method === 'GET')).toBe(true);
  return parse(around.written.out) as Awaited<ReturnType<typeof printed>>;
}

describe('hozen strategy', () => {
  it.each(TARGET_KINDS.flatMap((kind) => STRATEGIES.map((name) => [name, kind] as const)))(
    'makes of "%s" for %s a valid file whose levels the methods can make and whose requests their events allow',
    (name, kind) => {
      const keeping = { storage: { kind: 'file', path: '/srv/backups' } };
      const strategy = strategyOf(name, { target: 'it', kind, timeZone: 'Asia/Tokyo', keeping });
      if (!strategy) return expect(kind).toBe('configuration');
      const file = requireValid(BackupsFile, strategy);
      for (const { method, level } of file.configs) expect(METHOD_LEVELS[method]).toContain(level);
      for (const { event, request } of file.schedules) {
        requireValid(definitionOf(event).contract, request);
        expect(file.configs.map((config) => config.name)).toContain(request['config']);
      }
    },
  );

  it('plans weekly full, daily incremental and the log every five minutes, kept as long as the standard says', async () => {
    const { configs, schedules } = await printed('standard', 'erp', '--storage', '/srv/b', '--zone', 'Asia/Tokyo');
    expect(configs).toMatchObject([
      { method: 'postgres-physical', retention: { full: { days: 90 }, incremental: { days: 30 } } },
      { method: 'postgres-wal', retentionDays: 7 },
    ]);
    expect(schedules).toContainEqual(
      expect.objectContaining({ cron: '*/5 * * * *', timeZone: 'Asia/Tokyo', request: { config: 'erp-log' } }),
    );
    expect(schedules).toContainEqual(expect.objectContaining({ event: 'verification.requested' }));
  });

  it.each(['standard', 'daily'])('plans "%s" for a folder with the method that takes one', async (name) => {
    const { configs, schedules } = await printed(name, 'documents', '--storage', '/srv/b');
    expect(configs).toMatchObject([{ method: 'files', target: 'documents' }]);
    expect(schedules).toContainEqual(
      expect.objectContaining({
        request: { config: configs[0]?.['name'], ...(name === 'standard' ? { level: 'full' } : {}) },
      }),
    );
  });

  it('takes storage and encryption over from a config, and nothing else of it', async () => {
    const { configs } = await printed('daily', 'web', '--like', 'nightly');
    expect(configs).toMatchObject([
      {
        name: 'web-daily',
        method: 'mariadb-logical',
        storage: { kind: 's3', bucket: 'b' },
        encryption: { recipients: ['age1qqq'] },
        retentionDays: 30,
      },
    ]);
  });

  it('asks every service before anything is changed', async () => {
    await using services = await ServiceDouble.start(answer);
    const { url } = services;
    const urls = {
      HOZEN_BACKUP_URL: url,
      HOZEN_SCHEDULER_URL: url,
      HOZEN_NOTIFIER_URL: url,
      HOZEN_MAINTENANCE_URL: url,
    };
    const around = new TestSurroundings(urls);
    expect(await around.hozen('strategy', 'apply', 'standard', 'erp', '--storage', '/b', '--dry-run')).toBe('ok');
    const puts = services.asked.filter(({ method }) => method === 'PUT');
    expect(puts).toHaveLength(4);
    expect(puts.every(({ path }) => path.endsWith('?dryRun=true'))).toBe(true);
  });

  it.each([
    ['an unknown target', ['standard', 'nothing', '--storage', '/b'], 'nothing'],
    ['no storage', ['standard', 'erp'], '--storage'],
    ['an unknown strategy', ['weekly', 'erp'], 'standard'],
  ])('is refused with %s', async (_what, args, says) => {
    await using services = await ServiceDouble.start(answer);
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: services.url });
    expect(await around.hozen('strategy', 'apply', ...args)).not.toBe('ok');
    expect(around.written.err).toContain(says);
  });
});
