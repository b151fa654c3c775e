import { warningText, type WarningKey } from '@hozen/contracts';
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

/** What is told of paths: the texts under `paths.`. */
export type PathsWarning = WarningKey extends infer Key ? (Key extends `paths.${infer What}` ? What : never) : never;

const NAMED = 20;

export function warningsOf({ unreadable, vanished, elsewhere, ours, changed, said }: LeftOut): string[] {
  return [
    ...about([...unreadable], 'unreadable'),
    ...about([...vanished], 'vanished'),
    ...about(changed, 'changed'),
    ...about(elsewhere, 'elsewhere'),
    ...about(ours, 'ours'),
    ...said.slice(0, NAMED),
  ];
}

export function about(paths: readonly ByteText[], what: PathsWarning): string[] {
  return counted(paths.length, paths, what);
}

/** @param paths the first of them */
export function counted(count: number, paths: readonly ByteText[], what: PathsWarning): string[] {
  if (count === 0) return [];
  const names = paths
    .slice(0, NAMED)
    .map((path) => JSON.stringify(path.startsWith('./') ? toText(path.slice(2)) : toText(path)));
  const more = count - names.length;
  const named = names.join(', ');
  return [
    warningText(`paths.${what}`, {
      count,
      names: more > 0 ? warningText('names.more', { names: named, more }) : named,
    }),
  ];
}
