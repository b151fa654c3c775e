import { IsNotEmpty, IsOptional, IsString, MaxLength } from 'class-validator';
import type { BackupLevel } from '../words.js';

/** Why an artefact stays (`young`, `period`, `floor`, `damage`, `bad`, `held`, `locked`, `needed`) or goes (`old`, `surplus`), with its numbers. */
export interface RetentionReasonView {
  kind: 'young' | 'period' | 'floor' | 'damage' | 'bad' | 'held' | 'unread' | 'locked' | 'needed' | 'old' | 'surplus';
  /** young, old: days that it is kept. */
  days?: number;
  /** period: the one that it is the last of. */
  period?: string;
  /** floor: newest proven backups that always stay. */
  proven?: number;
  /** locked: RFC 3339. */
  until?: string;
  /** needed: the run whose artefact is restored from it. */
  by?: string;
  /** surplus: how many are kept. */
  count?: number;
}

/** The artefacts of one config under its rules of retention, newest first. */
export interface RetentionView {
  config: string;
  artefacts: {
    runId: string;
    level: BackupLevel;
    startedAt: string;
    path: string;
    bytes: number;
    keep: boolean;
    /** A verification found it, or what it builds on, to be bad: it protects nothing. */
    bad?: true;
    reasons: RetentionReasonView[];
  }[];
  /** Let go already, not yet removed. */
  deleting: { runId: string; path: string; bytes: number; attempts: number; error?: string }[];
}

/** Body of `PUT /backups/:id/hold`. */
export class HoldRequest {
  @IsString()
  @IsNotEmpty()
  @MaxLength(1000)
  reason!: string;

  @IsOptional()
  @IsString()
  @MaxLength(200)
  heldBy?: string;
}
