import { about, type PathsWarning } from '../files/warnings.js';
import type { FoundConfiguration } from './find-files.js';
import type { LeftOutReason, Snapshot } from './take-snapshot.js';

const REASONS: Readonly<Record<LeftOutReason, PathsWarning>> = {
  binary: 'binary',
  'too large': 'too-large',
  unreadable: 'unreadable',
  'no plain file': 'no-plain-file',
  'a name of git': 'name-of-git',
};

export function configurationWarnings({ missing }: FoundConfiguration, snapshot: Snapshot): string[] {
  const { leftOut, vanished, changed } = snapshot;
  const because = (reason: LeftOutReason) => leftOut.filter((each) => each.reason === reason).map(({ path }) => path);
  return [
    ...about(
      missing.map((path) => Buffer.from(path).toString('latin1')),
      'missing',
    ),
    ...(Object.keys(REASONS) as LeftOutReason[]).flatMap((reason) => about(because(reason), REASONS[reason])),
    ...about(vanished, 'vanished'),
    ...about(changed, 'changed'),
  ];
}
