import type { BackupMethod, ErrorCode, ProofLevel, RestoreView, RunView } from '@hozen/contracts';
import type { Stack } from '../src/stack.js';

/** What must hold for every way to back up. The order is that in which they are tried. */
export const SENTENCES = {
  restored: 'a backup is completed and proven, and what is restored of it equals the source',
  empty: 'a source with nothing in it ends as the documentation says',
  hostile: 'names with quotes, spaces, line feeds, leading dashes and Unicode come back as they were',
  killed: 'a worker killed in the middle of the copy: another one ends the run, once, and nothing is left behind',
  cancelled: 'a run cancelled in the middle of the copy ends as cancelled, and nothing is left behind',
  broken: 'a source that fails in the middle of the copy never gives a complete backup without a word',
  full: 'a storage that becomes full: DISK_FULL with what to do, nothing half visible, older backups intact',
  slow: 'a storage that takes its bytes slowly: the memory of the worker stays bounded',
} as const;
export type Sentence = keyof typeof SENTENCES;

/** Megabytes that no compression makes smaller. Of an ample source twice the quarter that is looked for fits where the artefact does not. */
const NOISE_MB = { bulk: 16, ample: 64 };

/** What can be in a source. */
export type Content = 'normal' | 'empty' | 'hostile' | keyof typeof NOISE_MB;

/** Of noise in a source; nothing: it has other things. */
export function noiseMb(content: Content): number | undefined {
  return content in NOISE_MB ? NOISE_MB[content as keyof typeof NOISE_MB] : undefined;
}

/** How a run ends, as the documentation promises it. */
export type Ending = { state: 'completed'; warning?: RegExp } | { state: 'failed'; codes: readonly ErrorCode[] };

/** Something large, of which the worker must keep no more than a bounded part in memory. */
export interface LargeCase {
  what: string;
  /** At scale 1. */
  count: number;
  /** What the documentation promises, MB (10^6 bytes). Default: {@link WORKER_MB}. */
  limit?: (count: number) => number;
}

/** Resident memory of a worker while it backs up and proves, whatever the size, MB (10^6 bytes). */
export const WORKER_MB = 300;

/** What is backed up in a trial, as a source sees it. */
export interface Backups {
  readonly stack: Stack;
  /** Of the config under test. */
  readonly config: string;
  /** Backs up, and expects a proven backup. @param config default: the one under test */
  backedUp(within?: number, config?: string): Promise<RunView>;
  /** Path of the newest backup. */
  artefact(): Promise<string>;
  /** Databases of the newest backup, by its manifest. */
  databases(): Promise<string[]>;
  /** A folder that is not there yet, where the worker may restore. */
  restoreFolder(): string;
  /** Restores what is asked for, and expects it to succeed. */
  restore(request: object): Promise<RestoreView>;
}

/** A real source of a method, private to the tests of one file. */
export interface Source extends AsyncDisposable {
  /** Variables that the references in `targets` name. */
  secrets: Record<string, string>;
  /** As backups.yaml has them; the first one is backed up. */
  targets: readonly object[];
  /** Of the config under test: all but name, target and storage. */
  config: object;
  /** Configs that this method cannot do without, by the name of the one under test. */
  companions?(config: string): object[];
  /** Makes what the first backup of the method builds on. */
  begin?(trial: Backups): Promise<void>;
  /** Replaces what is in the source. */
  fill(content: Content): Promise<void>;
  /** All that a user would miss, in a form that can be compared. */
  content(): Promise<unknown>;
  /** The same, of what Hozen restores from the newest backup of the trial. */
  restored(trial: Backups): Promise<unknown>;
  /** Sessions, slots, locks and the like that backups have left open. */
  leftovers(): Promise<string[]>;
  /** Ends of the names of files that lie beside an artefact, besides `.manifest.json` and `.sha256`. */
  besides?: readonly string[];
  /** Makes it fail while it is read. Disposing repairs it. */
  break(): Promise<AsyncDisposable>;
  /** Replaces what is in the source by so many of a large case. */
  grow(what: string, count: number): Promise<void>;
}

/** A method, as the suite sees it. */
export interface Subject {
  method: BackupMethod;
  /** Where a method has several. Default: the method. */
  name?: string;
  /** Sentences that do not apply, and why. */
  skips?: Partial<Record<Sentence, string>>;
  /** What a proof of it is, where it is not a restore: a log alone is nothing that could be restored. */
  proof?: ProofLevel;
  /** How the backup of an empty source ends. */
  empty: Ending;
  /** How a run ends whose source fails. */
  broken: Ending;
  /** Why there is no such source on this machine. */
  missing?(): Promise<string | undefined>;
  open(): Promise<Source>;
  large: readonly LargeCase[];
}
