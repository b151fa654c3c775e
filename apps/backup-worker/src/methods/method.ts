import type { AnyTargetSpec, ProofFacts } from '@hozen/contracts';
import type { ArtefactWriter } from '../artefact/artefact-writer.js';
import type { AttemptContext, BackupJob } from '../job.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import type { DumpSummary } from './dump-summary.js';

/** A way to back up. What it writes goes through the same pipeline, commit, check and retention as everything else. */
export interface Method {
  /**
   * A run of the target is about to be claimed: begins what takes long there, without waiting for it. It binds nobody, and is
   * let go of when no run comes.
   */
  expect?(target: AnyTargetSpec): void;
  /**
   * Looks whether the target can be backed up, and ends what an earlier owner of this run left open there.
   * @throws HozenError of the TARGET_ and TOOL_ codes
   */
  check(job: BackupJob, context: AttemptContext): Promise<ReadyTarget>;
  /** Restores the artefact into a scratch server and looks at what came out. Leaves nothing, however it ends. */
  prove(job: BackupJob, artefact: CommittedArtefact, context: AttemptContext): Promise<ProofFacts>;
}

/** A target that a backup may begin on. Disposing lets go of what was begun there, whether it was dumped or not. */
export interface ReadyTarget extends AsyncDisposable {
  /** Of its data, on the server. */
  bytes: number;
  /** What a proof puts into the spool; as much as the data, unless it says less. */
  scratchBytes?: number;
  /** What is put into the spool before the artefact is whole; nothing, unless it says more. */
  spoolBytes?: number;
  /** Writes everything into the artefact, which stays open. @throws HozenError, and what the writer throws */
  dump(job: BackupJob, writer: ArtefactWriter, context: AttemptContext): Promise<DumpSummary>;
}
