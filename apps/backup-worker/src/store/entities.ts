import type {
  BackupLevel,
  BackupTrigger,
  ConfigSpec,
  ErrorFacts,
  ProgressView,
  ProofFacts,
  RunState,
  AnyTargetSpec,
  WaitView,
} from '@hozen/contracts';
import { Column, Entity, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';

/** A server that is backed up. */
@Entity('backup_targets')
export class BackupTarget {
  @PrimaryGeneratedColumn('identity', { type: 'bigint' })
  id!: string;

  @Column({ name: 'target_name', type: 'varchar' })
  name!: string;

  @Column({ type: 'jsonb' })
  spec!: AnyTargetSpec;
}

/** TBL-040. `spec` is the truth; the columns beside it in the table are generated from it. */
@Entity('backup_configs')
export class BackupConfig {
  @PrimaryGeneratedColumn('identity', { type: 'bigint' })
  id!: string;

  @Column({ name: 'config_name', type: 'varchar' })
  name!: string;

  @ManyToOne(() => BackupTarget, { nullable: false })
  @JoinColumn({ name: 'target_id' })
  target!: Relation<BackupTarget>;

  @Column({ type: 'jsonb' })
  spec!: ConfigSpec;
}

/** What a request may override of its config. */
export interface RunOptions {
  overrideWindow?: boolean;
  retentionDays?: number;
  compress?: boolean;
  verify?: boolean;
  synthetic?: boolean;
}

/** A row of `backup_runs`, as the SQL of `runs/` returns it. Bigints come as text from the driver. */
export interface RunRow {
  id: string;
  request_id: string;
  config_id: string | null;
  target_id: string | null;
  record_id: string | null;
  /** The run that made what this one builds on. */
  parent_run_id: string | null;
  config_name: string;
  target_name: string;
  backup_level: BackupLevel;
  backup_trigger: BackupTrigger;
  options: RunOptions;
  requested_by: string | null;
  reason: string | null;
  traceparent: string | null;
  state: RunState;
  owner: string | null;
  epoch: string;
  not_before: Date;
  attempt: number;
  /** Times it was taken over from a worker that died. */
  takeovers: number;
  retries_used: Partial<Record<string, number>>;
  cancel_requested_at: Date | null;
  progress: ProgressView | null;
  /** What it waited for when a worker last looked at it. */
  waits_for: WaitView | null;
  bytes_per_second: number | null;
  warnings: string[];
  error: ErrorFacts | null;
  queued_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
}

/** The proof that is kept with an artefact. */
export type StoredProof = { [Field in keyof ProofFacts]: ProofFacts[Field] };
