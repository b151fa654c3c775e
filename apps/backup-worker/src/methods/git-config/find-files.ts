import type { BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import type { ConfigurationTargetSpec } from '@hozen/contracts';
import { Minimatch } from 'minimatch';
import { fullPath, toBytes, toText, type ByteText } from '../files/byte-text.js';
import { isGone, typeOf, walkTree, type EntryType } from '../files/walk-tree.js';

/** A path that a target names. */
export interface FoundPath {
  /** The whole path, as bytes. */
  path: ByteText;
  type: EntryType | 'socket';
  size: number;
}

export interface FoundConfiguration {
  /** By the bytes of their paths, each once. */
  paths: FoundPath[];
  bytes: number;
  unreadable: ByteText[];
  /** Paths and globs of the target that nothing was found for. */
  missing: string[];
}

const OPTIONS = { dot: true, nocomment: true, nonegate: true } as const;
const MAGIC = /[*?[{]|[@+!]\(/;

/** Finds what the paths of a target name, and all that is below it. Never follows a symbolic link. */
export async function findFiles(spec: ConfigurationTargetSpec, signal: AbortSignal): Promise<FoundConfiguration> {
  const excluded = spec.exclude.map((pattern) => new Minimatch(pattern, OPTIONS));
  const isExcluded = (path: ByteText) => excluded.some((pattern) => pattern.match(toText(path)));
  const found = new Map<ByteText, FoundPath>();
  const configuration: FoundConfiguration = { paths: [], bytes: 0, unreadable: [], missing: [] };
  for (const wanted of spec.paths) {
    const before = found.size;
    const isKnown = await addMatching(wanted, { found, configuration, isExcluded, signal });
    if (!isKnown && found.size === before) configuration.missing.push(wanted);
  }
  configuration.paths = [...found.values()].toSorted((one, other) => (one.path < other.path ? -1 : 1));
  configuration.bytes = configuration.paths.reduce((sum, { size }) => sum + size, 0);
  return configuration;
}

interface Finding {
  found: Map<ByteText, FoundPath>;
  configuration: FoundConfiguration;
  isExcluded: (path: ByteText) => boolean;
  signal: AbortSignal;
}

/** @returns whether something is there, found by an earlier path or not */
async function addMatching(wanted: string, finding: Finding): Promise<boolean> {
  const names = wanted
    .replace(/\/+/g, '/')
    .replace(/(?!^)\/$/, '')
    .split('/');
  const magic = names.findIndex((name) => MAGIC.test(name));
  const base = Buffer.from(names.slice(0, magic < 0 ? undefined : magic).join('/') || '/').toString('latin1');
  const pattern = magic < 0 ? undefined : new Minimatch(names.join('/'), OPTIONS);
  let isThere = false;
  for (const each of await below(base, finding)) {
    if (!matches(each.path, base, pattern) || isBelowExcluded(each.path, base, finding.isExcluded)) continue;
    isThere = true;
    finding.found.set(each.path, each);
  }
  return isThere;
}

/** Itself, or a folder that it is in. */
function matches(path: ByteText, base: ByteText, pattern: Minimatch | undefined): boolean {
  return !pattern || folders(path, base).some((each) => pattern.match(toText(each)));
}

function isBelowExcluded(path: ByteText, base: ByteText, isExcluded: Finding['isExcluded']): boolean {
  return folders(path, base).some(isExcluded);
}

/** The path and every folder above it, up to the base. */
function folders(path: ByteText, base: ByteText): ByteText[] {
  const all = [path];
  for (let at = path.lastIndexOf('/'); at >= Math.max(1, base.length); at = path.lastIndexOf('/', at - 1)) {
    all.push(path.slice(0, at));
  }
  return all;
}

async function below(base: ByteText, { configuration, signal }: Finding): Promise<FoundPath[]> {
  const facts = await factsOf(base, configuration);
  if (!facts) return [];
  if (!facts.isDirectory()) return [foundPath(base, facts)];
  const root = toText(base);
  try {
    const { entries, unreadable } = await walkTree({
      root,
      exclude: [],
      crossFilesystems: true,
      ours: [],
      signal,
      onEntries: () => undefined,
    });
    const whole = (path: ByteText) =>
      fullPath(root, path)
        .toString('latin1')
        .replace(/(?!^)\/$/, '');
    configuration.unreadable.push(...unreadable.map(whole));
    return entries.map(({ path, type, size }) => ({ path: whole(path), type, size }));
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    configuration.unreadable.push(base);
    return [foundPath(base, facts)];
  }
}

async function factsOf(path: ByteText, { unreadable }: FoundConfiguration): Promise<BigIntStats | undefined> {
  try {
    return await lstat(toBytes(path), { bigint: true });
  } catch (error) {
    if (!isGone(error)) unreadable.push(path);
    return undefined;
  }
}

function foundPath(path: ByteText, facts: BigIntStats): FoundPath {
  const type = typeOf(facts) ?? 'socket';
  return { path, type, size: type === 'file' ? Number(facts.size) : 0 };
}

export function isUnreadable(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EACCES' || code === 'EPERM';
}
