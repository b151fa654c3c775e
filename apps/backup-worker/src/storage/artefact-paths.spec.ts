import { basename, dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { aJob } from '../job.fixture.js';
import { artefactPaths } from './artefact-paths.js';

describe('where an artefact goes', () => {
  const name = (configName: string) => basename(artefactPaths(aJob('/x', { configName })).data);

  it('is {storage}/{trigger}/{time in the zone of the config}_{config}.tar.gz', () => {
    const job = aJob('/x', { trigger: 'automatic' });
    job.config.timeZone = 'Asia/Tokyo';
    expect(artefactPaths(job).data).toBe('/x/storage/automatic/20260102_120405_nightly.tar.gz');
  });

  it('writes midnight as hour 00', () => {
    const job = aJob('/x', { startedAt: new Date('2026-01-02T00:00:00Z') });
    expect(basename(artefactPaths(job).data)).toBe('20260102_000000_nightly.tar.gz');
  });

  it.each(['../../etc/passwd', '..', '/', 'a/b', 'a\0b', 'a\nb', "'; rm -rf /", '-rf', ' ', '名前', '💾'.repeat(100)])(
    'stays in its folder for the config %j',
    (configName) => {
      const paths = artefactPaths(aJob('/x', { configName }));
      const { data, directory } = paths;
      expect(dirname(data)).toBe(directory);
      expect(basename(data)).toMatch(/^\d{8}_\d{6}_[\p{L}\p{M}\p{N}._-]+\.tar\.gz$/u);
      for (const kind of ['data', 'checksum', 'manifest'] as const) {
        expect(Buffer.byteLength(basename(paths.partial(kind)))).toBeLessThanOrEqual(255);
      }
    },
  );

  it('never gives two configs the same name', () => {
    const names = ['a b', 'a_b', 'a/b', 'a\tb', 'e\u0301', '\u00e9', 'x'.repeat(150), `${'x'.repeat(150)}y`];
    const files = names.map(name);
    // A config that is called as another one's file would be.
    files.push(name(files[0]?.replace(/^\d+_\d+_|\.tar\.gz$/g, '') ?? ''));
    expect(new Set(files).size).toBe(files.length);
  });
});
