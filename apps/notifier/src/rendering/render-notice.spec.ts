import { describe, expect, it } from 'vitest';
import { HozenError, LANGUAGES, type DataOf, type EventType, type Language, refusalText } from '@hozen/contracts';
import type { Told } from '../intake/told-events.js';
import { emailBody } from './email-body.js';
import { size, time } from './quantities.js';
import { renderNotice } from './render-notice.js';
import { slackText } from './slack-body.js';

const RUN = {
  runId: '0d9f7a3e-3a43-4f0e-9f5a-0a5d0f6f7f10',
  requestId: 'req-1',
  config: 'nightly',
  target: 'erp',
  level: 'full',
  trigger: 'automatic',
} as const;

const completed: DataOf<'backup.completed'> = {
  ...RUN,
  recordId: 1,
  attempts: 1,
  startedAt: '2026-05-01T02:00:05Z',
  finishedAt: '2026-05-01T02:10:00Z',
  artefact: { path: '/backup/erp/a.tar', bytes: 12_345_678, originalBytes: 98_765_432, sha256: 'a'.repeat(64) },
  proof: { level: 'restore', databases: 3, tables: 42, seconds: 61.4 },
  bytesPerSecond: 150_000_000,
  warnings: ['database "x" does not allow connections'],
};

function failed(changes: Partial<DataOf<'backup.failed'>> = {}): DataOf<'backup.failed'> {
  const { code, message, hint } = new HozenError('DISK_FULL', { path: '/backup' });
  return { ...RUN, attempts: 3, finishedAt: '2026-05-01T02:10:00Z', error: { code, message, hint }, ...changes };
}

function notice<T extends EventType & Told['type']>(
  type: T,
  data: DataOf<T>,
  language: Language = 'en',
  timeZone = 'UTC',
) {
  return renderNotice({ told: { type, data } as Told, eventId: 'e', traceId: 'ab'.repeat(16) }, language, timeZone);
}

describe('a notice', () => {
  it('of a backup says first that it is proven, then by what, and where to look', () => {
    const rendered = notice('backup.completed', completed);
    expect(rendered.subject).toBe('Backup "nightly" of erp completed and proven (12.3 MB)');
    expect(emailBody(rendered, false).text).toBe(
      [
        'The full backup of erp by config "nightly" is complete and proven.',
        '',
        'Artefact: /backup/erp/a.tar',
        'Size: 12.3 MB stored, 98.8 MB of data',
        'Proof: restored into a scratch server and compared: 3 databases, 42 tables, in 61 s',
        'Worth knowing: database "x" does not allow connections',
        'Started: 2026-05-01 02:00:05 UTC',
        'Finished: 2026-05-01 02:10:00 UTC',
        'Speed: 150 MB/s',
        'Attempts: 1',
        `Run: ${RUN.runId}`,
        `Trace: ${'ab'.repeat(16)}`,
        '',
        `Look further: hozen run ${RUN.runId}`,
        '',
        '--',
        'Sent by Hozen. Who is told of what is set in backups.yaml (recipients, rules).',
        '',
      ].join('\n'),
    );
  });

  it('of a failure tells in the language of the reader what happened and what to do', () => {
    const japanese = notice('backup.failed', failed(), 'ja', 'Asia/Tokyo');
    expect(japanese.subject).toBe('【失敗】erp のバックアップ「nightly」');
    const { text } = emailBody(japanese, false);
    expect(text).toContain('起きたこと: /backup のディスクがいっぱいです [DISK_FULL]');
    expect(text).toContain('対処: 空きを作るか、');
    expect(text).toContain('終了: 2026-05-01 11:10:00 Asia/Tokyo (GMT+9)');
    expect(emailBody(notice('backup.failed', failed(), 'zh'), false).text).toContain(
      '发生了什么: /backup 所在磁盘已满',
    );
  });

  it('of a refusal names every reason', () => {
    const rendered = notice('backup.rejected', {
      requestId: 'req-2',
      reasons: [
        { field: 'config', message: 'must be a text' },
        { field: 'level', value: '"huge"', message: 'must be a level' },
      ],
    });
    expect(rendered.subject).toBe('Refused: a backup request that names no config');
    expect(slackText(rendered, false)).toContain(
      '*Reasons*:\n• config must be a text\n• level ("huge") must be a level',
    );
  });

  it('of a refusal names its reasons in the language of the reader', () => {
    const reasons = [{ field: 'config', value: '"x"', message: refusalText('no-config') }];
    const rendered = notice('backup.rejected', { requestId: 'req-2', reasons }, 'ja');
    expect(slackText(rendered, false)).toContain('config ("x") その名前のバックアップ設定はありません');
  });

  it.each(LANGUAGES)('leaves no parameter unfilled in %s', (language) => {
    const maintenance = {
      runId: RUN.runId,
      requestId: 'r',
      target: 'erp',
      maintenanceType: 'optimize',
      targetDatabases: ['a', 'b'],
      severityLevel: 'high',
      finishedAt: '2026-05-01T02:10:00Z',
    } as const;
    const all = [
      notice('backup.completed', completed, language),
      notice('backup.failed', failed(), language),
      notice('backup.rejected', { requestId: 'r', config: 'nightly', reasons: [] }, language),
      notice(
        'maintenance.completed',
        {
          ...maintenance,
          targetDatabases: ['a', 'b'],
          startedAt: maintenance.finishedAt,
          backupRunId: RUN.runId,
          tablesVacuumed: 4,
          indexesRebuilt: 0,
          findings: [],
        },
        language,
      ),
      notice('maintenance.failed', { ...maintenance, targetDatabases: ['a'], error: failed().error }, language),
      renderNotice(
        { told: { type: 'notification.test', data: { recipient: 'dba' } }, eventId: 'e', traceId: undefined },
        language,
        'UTC',
      ),
    ];
    for (const each of all) {
      const { text, html } = emailBody(each, true);
      expect([each.subject, text, html, slackText(each, true)].join('\n')).not.toMatch(/[^$]\{\w+\}|undefined|null/);
    }
  });

  it('of a server that performs otherwise than before its restore says what differs, in the numbers of the reader', () => {
    const about = { restoreId: RUN.runId, requestId: 'r', runId: RUN.runId, config: 'nightly', target: 'erp' };
    const deviations = [{ measure: 'tempBytesPerSecond' as const, normal: 1_234_567, now: 98_765_432 }];
    const until = '2026-05-02T02:10:00Z';
    const data = { ...about, until, deviations, thresholdPercent: 20 };
    const rendered = notice('restore.performance_deviates', data);
    expect(rendered.subject).toBe('PERFORMANCE of erp differs after the restore');
    expect(emailBody(rendered, false).text).toContain(
      'Differs: temporary files (bytes per second): 98,800,000 instead of 1,230,000',
    );
    for (const language of LANGUAGES) {
      for (const verdict of ['well', 'deviated', 'unknown'] as const) {
        const ended = notice('restore.performance_watched', { ...about, until, deviations, verdict }, language);
        expect(ended.subject).toContain('erp');
        expect(ended.subject).not.toContain('{');
      }
      expect(notice('restore.performance_normal', { ...about, until }, language).summary).toContain('nightly');
    }
  });
});

describe('a storage that fills', () => {
  const facts = {
    storage: '/srv/backups',
    usedPercent: 95.7,
    usedBytes: 957e9,
    capacityBytes: 1e12,
    artefactBytes: 600e9,
    configs: ['nightly', 'weekly'],
  };
  const high = (level: 'warning' | 'critical', language: Language = 'en') =>
    notice('storage.usage_high', { ...facts, level, thresholdPercent: level === 'warning' ? 80 : 95 }, language);

  it('is told of as grave as it is, with how full, of what, and what to do', () => {
    expect(high('warning')).toMatchObject({ severity: 'warning', command: 'hozen storage' });
    const rendered = high('critical');
    expect(rendered.severity).toBe('critical');
    expect(rendered.subject).toBe('STORAGE NEARLY FULL: /srv/backups is 95 % full');
    const { text } = emailBody(rendered, false);
    expect(text).toContain('The storage /srv/backups is above 95 %. Soon backups will fail.');
    expect(text).toContain('In use: 957 GB of 1.0 TB\nOf these, artefacts of Hozen: 600 GB');
    expect(text).toMatch(/nightly[^]*weekly[^]*What to do: Make room/);
    expect(notice('storage.usage_normal', facts).severity).toBe('info');
  });

  it.each(LANGUAGES)('is told of without a gap in %s', (language) => {
    for (const each of [
      high('warning', language),
      high('critical', language),
      notice('storage.usage_normal', facts, language),
    ]) {
      const text = [each.subject, emailBody(each, true).text, slackText(each, true)].join('\n');
      expect(text).toContain('/srv/backups');
      expect(text).not.toMatch(/[^$]\{\w+\}|undefined|null/);
    }
  });
});

describe('hostile names', () => {
  const nasty = 'a\r\nBcc: all@example.org\u2028<!channel> <b>x</b> & *bold* \u202Eevil';
  const rendered = notice('backup.failed', failed({ config: nasty, target: nasty }));

  it('make no line and no header of their own', () => {
    expect(rendered.subject).not.toMatch(/[\r\n\u2028\u202E]/);
    expect(emailBody(rendered, false).text).not.toMatch(/^Bcc:/m);
  });

  it('are inert in HTML and in Slack', () => {
    expect(emailBody(rendered, false).html).toContain('&lt;!channel&gt; &lt;b&gt;x&lt;/b&gt; &amp;');
    const slack = slackText(rendered, false);
    expect(slack).toContain('&lt;!channel&gt;');
    expect(slack).not.toMatch(/<[!@#]/);
  });

  it('that are endless are cut', () => {
    const endless = notice('backup.failed', failed({ config: 'x'.repeat(100_000) }));
    expect(endless.subject.length).toBeLessThan(200);
    expect(slackText(endless, false).length).toBeLessThan(4001);
  });
});

it('says when a notice may be a repeat', () => {
  const rendered = notice('backup.failed', failed());
  expect(emailBody(rendered, true).text).toContain('Sent again');
  expect(emailBody(rendered, false).text).not.toContain('Sent again');
});

it('writes sizes and times for people', () => {
  expect([0, 999, 1000, 999_499, 999_999, 12_345_678_901].map(size)).toEqual([
    '0 B',
    '999 B',
    '1.0 KB',
    '999 KB',
    '1.0 MB',
    '12.3 GB',
  ]);
  expect(time('2026-03-08T07:00:00Z', 'America/New_York')).toBe('2026-03-08 03:00:00 America/New_York (GMT-4)');
});
