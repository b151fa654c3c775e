import { toText, type ByteText } from './byte-text.js';

/** What a run has to tell of single paths. */
export interface LeftOut {
  unreadable: Set<ByteText>;
  vanished: Set<ByteText>;
  elsewhere: readonly ByteText[];
  ours: readonly ByteText[];
  /** They are in the backup. */
  changed: readonly ByteText[];
  /** Tar's own words. */
  said: readonly string[];
}

const NAMED = 20;

export function warningsOf({ unreadable, vanished, elsewhere, ours, changed, said }: LeftOut): string[] {
  return [
    ...about([...unreadable], 'could not be read, and are not in the backup'),
    ...about([...vanished], 'vanished while the backup was made'),
    ...about(changed, 'were changed while they were read: what is in the backup may be half old and half new'),
    ...about(elsewhere, 'are of another file system, and not in the backup (crossFilesystems: true would take them)'),
    ...about(ours, 'are where backups are made, and not in the backup'),
    ...said.slice(0, NAMED),
  ];
}

export function about(paths: readonly ByteText[], what: string): string[] {
  return counted(paths.length, paths, what);
}

/** @param paths the first of them */
export function counted(count: number, paths: readonly ByteText[], what: string): string[] {
  if (count === 0) return [];
  const names = paths
    .slice(0, NAMED)
    .map((path) => JSON.stringify(path.startsWith('./') ? toText(path.slice(2)) : toText(path)));
  const more = count - names.length;
  return [`Paths that ${what} (${count}): ${names.join(', ')}${more > 0 ? `, and ${more} more` : ''}.`];
}
