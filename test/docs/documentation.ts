import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Commands that a reader is told to run. */
export interface CommandBlock {
  file: string;
  line: number;
  commands: string;
  /** What they need beyond a running `npm start`; undefined: nothing. */
  needs?: string;
}

export function documents(): string[] {
  return globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT }).toSorted();
}

export function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** The `sh` blocks of all documents. */
export function commandBlocks(): CommandBlock[] {
  return documents().flatMap((file) => {
    const text = read(file);
    const blocks = text.matchAll(/(?:<!-- needs: (?<needs>.*?) -->\s*)?^```sh\n(?<commands>[\s\S]*?)^```$/gm);
    return [...blocks].map(({ index, groups = {} }) => ({
      file,
      line: text.slice(0, index).split('\n').length,
      commands: groups['commands'] ?? '',
      ...(groups['needs'] === undefined ? {} : { needs: groups['needs'] }),
    }));
  });
}

/** Links of a document to files of the repository, as paths from its root. */
export function localLinks(file: string): string[] {
  const links = [...read(file).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target);
  return links
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => relative(ROOT, join(ROOT, file, '..', target)));
}
