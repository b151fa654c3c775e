import { setTimeout as delay } from 'node:timers/promises';
import { inSpan } from '@hozen/telemetry';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import type { Chosen } from '../choose-parent.js';
import type { DumpSummary } from '../dump-summary.js';
import { toBytes } from './byte-text.js';
import type { FilesTarget } from './check-target.js';
import { chooseFilesParent, type FilesParent } from './parent.js';
import { planIncrement, type TreePlan } from './plan-increment.js';
import { FILES_README } from './readme.js';
import { FILES_RESTORE_SCRIPT } from './restore-script.js';
import { runTar } from './run-tar.js';
import { StoredMembers } from './stored-members.js';
import { summaryOf } from './summary.js';
import type { LeftOut } from './warnings.js';
import { addListing, deletedOf, listedOf } from './whole-listing.js';

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
  readme = FILES_README,
): Promise<DumpSummary> {
  return inSpan('copy tree', { attributes: { 'hozen.target': job.target.name } }, async (span) => {
    const started = performance.now();
    const chosen = await chooseFilesParent(job, target.spec.path, context);
    for (const warning of chosen.warnings) context.log.warn({ target: job.target.name }, warning);
    await addDescription(writer, job, chosen, readme);
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
  readme: string,
): Promise<void> {
  await writer.addFile('README.txt', readme);
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
