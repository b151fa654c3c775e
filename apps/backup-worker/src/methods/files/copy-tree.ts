import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { inSpan } from '@hozen/telemetry';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import type { Chosen } from '../choose-parent.js';
import type { DumpSummary } from '../dump-summary.js';
import { fullPath, toBytes, type ByteText } from './byte-text.js';
import type { FilesTarget } from './check-target.js';
import { LISTING, lineOf, type ListedEntry } from './listing.js';
import { chooseFilesParent, type FilesParent } from './parent.js';
import { planIncrement, type TreePlan } from './plan-increment.js';
import { FILES_README } from './readme.js';
import { FILES_RESTORE_SCRIPT } from './restore-script.js';
import { runTar } from './run-tar.js';
import { StoredMembers } from './stored-members.js';
import { isGone } from './walk-tree.js';
import { warningsOf, type LeftOut } from './warnings.js';

/** The stream with everything that is stored, as tar makes it. */
export const TREE = 'tree.tar';
/** In an increment: paths that a restore removes before it unpacks the tree, a NUL after each. */
export const DELETED = 'deleted.list';

/** The clock of files goes on in steps, of 10 ms at most: what is changed in the same step has no other time. */
const STEP_MS = 20;
/** File systems that keep whole seconds, or two of them. */
const COARSE_STEP_NS = 2_000_000_000n;

/**
 * Copies a tree of files, or what is new or changed in it since an earlier backup of the config. The artefact is not
 * finished here; commitArtefact does.
 * @throws HozenError TOOL_FAILED, LEASE_LOST, and what the writer throws
 */
export async function copyTree(
  job: BackupJob,
  target: FilesTarget,
  writer: ArtefactWriter,
  context: AttemptContext,
): Promise<DumpSummary> {
  return inSpan('copy tree', { attributes: { 'hozen.target': job.target.name } }, async (span) => {
    const started = performance.now();
    const chosen = await chooseFilesParent(job, target, context);
    for (const warning of chosen.warnings) context.log.warn({ target: job.target.name }, warning);
    await addDescription(writer, job, chosen);
    const plan = await planIncrement(target.tree.entries, chosen.parent?.listing() ?? []);
    const { members, said } = await store(target, plan, writer, context);
    const left: LeftOut = {
      unreadable: new Set(target.tree.unreadable),
      vanished: new Set(target.tree.vanished),
      elsewhere: target.tree.elsewhere,
      ours: target.tree.ours,
      changed: members.changed,
      said,
    };
    const listed = await listedOf(plan, target.root, left);
    const deleted = deletedOf(plan, listed);
    if (chosen.parent) await writer.addFile(DELETED, toBytes(deleted.map((path) => `${path}\0`).join('')));
    const sha256 = await addListing(writer, listed);
    span.setAttribute('hozen.stored', members.bytes);
    const seconds = (performance.now() - started) / 1000;
    return summaryOf({ target, chosen, plan, members, left, listed, deleted, sha256, writer, seconds });
  });
}

async function addDescription(
  writer: ArtefactWriter,
  { runId }: BackupJob,
  chosen: Chosen<FilesParent>,
): Promise<void> {
  await writer.addFile('README.txt', FILES_README);
  await writer.addFile('restore.sh', FILES_RESTORE_SCRIPT, 0o700);
  // For restore.sh: it must not put one backup on another that it does not belong to.
  await writer.addFile('chain.txt', `run ${runId}\nparent ${chosen.parent?.manifest.runId ?? '-'}\n`);
}

async function store(
  { root, tar }: FilesTarget,
  { entries }: TreePlan,
  writer: ArtefactWriter,
  { signal, progress }: Pick<AttemptContext, 'signal' | 'progress'>,
): Promise<{ members: StoredMembers; said: string[] }> {
  const wanted = entries.filter(({ kept }) => !kept);
  const expectedBytes = wanted.reduce((sum, { found }) => sum + found.size, 0);
  await delay(STEP_MS, undefined, { signal });
  const members = new StoredMembers(root, wanted, settledNow());
  const stream = writer.openStream(TREE);
  let bytes = 0;
  const onBytes = (more: number) => progress({ phase: 'dumping', bytes: (bytes += more), expectedBytes });
  const said = await runTar({ tar, root, wanted, signal, onBytes }, members, stream);
  await writer.endStream(stream);
  return { members, said };
}

/** Times that lie ahead of our clock, or on it, are not to be relied on. */
function settledNow(): (ctime: bigint) => boolean {
  const now = BigInt(Date.now()) * 1_000_000n;
  const step = BigInt(STEP_MS / 2) * 1_000_000n;
  return (ctime) => ctime <= now - (ctime % 1_000_000_000n === 0n ? COARSE_STEP_NS : step);
}

/** The whole tree as it is restored: what is kept of the parent, and what the archive holds. */
async function listedOf({ entries }: TreePlan, root: string, left: LeftOut): Promise<ListedEntry[]> {
  const listed: ListedEntry[] = [];
  const folders = new Set<ByteText>();
  const groups = new Map<number, number>();
  const newGroups = entries.reduce((most, { stored }) => Math.max(most, stored?.group ?? 0), 0);
  for (const { found, kept, stored } of entries) {
    const { path } = found;
    const entry = kept ? withGroup(kept, groups, newGroups) : stored;
    const folder = path.slice(0, path.lastIndexOf('/'));
    if (entry && (path === '.' || folders.has(folder))) {
      listed.push(entry);
      if (entry.type === 'folder') folders.add(path);
    } else {
      const isVanished = await lstat(fullPath(root, path)).then(() => false, isGone);
      (isVanished ? left.vanished : left.unreadable).add(path);
    }
  }
  return listed;
}

/** Groups of the parent's listing have other numbers here. */
function withGroup(kept: ListedEntry, groups: Map<number, number>, newGroups: number): ListedEntry {
  if (kept.group === undefined) return kept;
  const group = groups.get(kept.group) ?? newGroups + groups.size + 1;
  groups.set(kept.group, group);
  return { ...kept, group };
}

/** What the parent has and this one has not, or not as the same thing. */
function deletedOf({ entries, gone }: TreePlan, listed: readonly ListedEntry[]): ByteText[] {
  const types = new Map(listed.map(({ path, type }) => [path, type]));
  const replaced = entries.filter(({ before, found }) => before !== undefined && types.get(found.path) !== before);
  return [...gone, ...replaced.map(({ found }) => found.path)].toSorted((one, other) => (one < other ? -1 : 1));
}

/** @returns its SHA-256 */
async function addListing(writer: ArtefactWriter, listed: readonly ListedEntry[]): Promise<string> {
  const hash = createHash('sha256');
  const stream = writer.openStream(LISTING);
  for (const entry of listed) {
    const line = Buffer.from(lineOf(entry));
    hash.update(line);
    await stream.write(line);
  }
  await writer.endStream(stream);
  return hash.digest('hex');
}

interface Copied {
  target: FilesTarget;
  chosen: Chosen<FilesParent>;
  plan: TreePlan;
  members: StoredMembers;
  left: LeftOut;
  listed: readonly ListedEntry[];
  deleted: readonly ByteText[];
  sha256: string;
  writer: ArtefactWriter;
  seconds: number;
}

function summaryOf(copied: Copied): DumpSummary {
  const { target, chosen, plan, members, left, listed, deleted, sha256, writer, seconds } = copied;
  const { originalBytes } = writer;
  const count = (...types: ListedEntry['type'][]) => listed.filter(({ type }) => types.includes(type)).length;
  return {
    format: 'hozen-files',
    originalBytes,
    databases: [],
    tables: 0,
    tablespaces: [],
    warnings: [...chosen.warnings, ...warningsOf(left)],
    level: chosen.level,
    files: {
      facts: {
        path: target.spec.path,
        paths: listed.length,
        files: count('file'),
        folders: count('folder'),
        links: count('link'),
        others: count('fifo', 'char', 'block'),
        bytes: bytesOf(listed),
        stored: { paths: plan.entries.filter(({ stored }) => stored).length, bytes: members.bytes },
        deleted: deleted.length,
        skipped: {
          sockets: target.tree.sockets,
          excluded: target.tree.excluded,
          unreadable: left.unreadable.size,
          vanished: left.vanished.size,
          elsewhere: left.elsewhere.length,
          changed: left.changed.length,
        },
        listing: { sha256 },
        ...(chosen.parent ? { parent: chosen.parent.manifest } : {}),
      },
    },
    server: {
      systemIdentifier: `${hostname()}:${target.spec.path}`,
      version: '',
      major: 0,
      superuser: '',
      inRecovery: false,
      tools: `GNU tar ${target.tar.version}`,
    },
    contents: [],
    seconds,
    megabytesPerSecond: originalBytes / 1e6 / Math.max(seconds, 0.001),
  };
}

/** Of all files, each once whatever names it has. */
function bytesOf(listed: readonly ListedEntry[]): number {
  const seen = new Set<number>();
  return listed.reduce((sum, { size = 0, group }) => {
    if (group !== undefined && seen.has(group)) return sum;
    if (group !== undefined) seen.add(group);
    return sum + size;
  }, 0);
}
