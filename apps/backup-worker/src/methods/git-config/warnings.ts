import { about } from '../files/warnings.js';
import type { FoundConfiguration } from './find-files.js';
import type { LeftOutReason, Snapshot } from './take-snapshot.js';

const REASONS: Readonly<Record<LeftOutReason, string>> = {
  binary: 'are no text, and not in the backup (the method files takes them)',
  'too large': 'are larger than maxFileKilobytes, and not in the backup',
  unreadable: 'could not be read, and are not in the backup',
  'no plain file': 'are neither files nor folders nor links, and not in the backup',
  'a name of git': 'have a name that git keeps for itself, and are not in the backup',
};

export function configurationWarnings({ missing }: FoundConfiguration, snapshot: Snapshot): string[] {
  const { leftOut, vanished, changed } = snapshot;
  const because = (reason: LeftOutReason) => leftOut.filter((each) => each.reason === reason).map(({ path }) => path);
  return [
    ...about(
      missing.map((path) => Buffer.from(path).toString('latin1')),
      'the target names, and that are not there',
    ),
    ...(Object.keys(REASONS) as LeftOutReason[]).flatMap((reason) => about(because(reason), REASONS[reason])),
    ...about(vanished, 'vanished while the backup was made'),
    ...about(changed, 'were changed while they were read: what is in the backup may be half old and half new'),
  ];
}
