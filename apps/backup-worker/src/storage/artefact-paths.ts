import { join } from 'node:path';
import type { Compression } from '@hozen/contracts';
import type { BackupJob } from '../job.js';
import { safeName } from './safe-name.js';

const SUFFIXES: Readonly<Record<Compression, string>> = { none: '.tar', gzip: '.tar.gz', zstd: '.tar.zst' };

export type ArtefactKind = 'data' | 'checksum' | 'manifest';

export interface ArtefactPaths {
  directory: string;
  data: string;
  checksum: string;
  manifest: string;
  /** The hidden file that becomes `kind` when it is whole. It names its run and epoch: see clean-up.ts. */
  partial(kind: ArtefactKind): string;
}

/** Where the artefact of a run stands: `{path}/{trigger}/{YYYYMMDD_HHMMSS}_{config}.tar.gz`, time in the config's zone. */
export function artefactPaths(job: BackupJob): ArtefactPaths {
  const { config, startedAt, trigger, runId, epoch } = job;
  const directory = join(config.storage.path, trigger);
  const data = `${timeStamp(startedAt, config.timeZone)}_${safeName(config.name)}${SUFFIXES[compressionOf(job)]}`;
  const names = { data, checksum: `${data}.sha256`, manifest: `${data}.manifest.json` };
  return {
    directory,
    data: join(directory, names.data),
    checksum: join(directory, names.checksum),
    manifest: join(directory, names.manifest),
    partial: (kind) => join(directory, `.${names[kind]}.${runId}.${epoch}.partial`),
  };
}

/** That of the config, unless the request switched it off. */
export function compressionOf(job: BackupJob): Compression {
  return job.compress ? job.config.compression : 'none';
}

/** Run and epoch of a partial file; undefined for any other file. */
export function partialOwner(name: string): { final: string; runId: string; epoch: number } | undefined {
  const match = /^\.(.+)\.([0-9a-f-]{36})\.(\d+)\.partial$/s.exec(name);
  if (!match) return undefined;
  const [, final = '', runId = '', epoch = ''] = match;
  return { final, runId, epoch: Number(epoch) };
}

function timeStamp(time: Date, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).formatToParts(time);
  const of = (type: Intl.DateTimeFormatPartTypes) => parts.find((part) => part.type === type)?.value ?? '';
  return `${of('year')}${of('month')}${of('day')}_${of('hour')}${of('minute')}${of('second')}`;
}
