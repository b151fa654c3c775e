import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Full path of a program, looked for as a shell would. */
export function findProgram(name: string): string | undefined {
  return programFolders()
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

const systemPrograms = new Map<string, string>();

/** A program of the operating system: its place is looked for once, since each program that we start is started by several. */
export function findSystemProgram(name: string): string | undefined {
  const path = systemPrograms.get(name) ?? findProgram(name);
  if (path !== undefined) systemPrograms.set(name, path);
  return path;
}

/** The folders of PATH. */
export function programFolders(): string[] {
  return (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder.startsWith('/'));
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
