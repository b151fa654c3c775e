import type { UsageLevel } from '../events/storage.js';

/** A place that configs store in, as `GET /storages` answers. Times are RFC 3339. */
export interface StorageView {
  /** Folder or `s3://bucket/prefix`. */
  storage: string;
  kind: 'file' | 's3';
  level: UsageLevel;
  /** Of the disk by whomever, or of the quota; absent where nobody knows how much there is. */
  usedPercent?: number;
  usedBytes?: number;
  capacityBytes?: number;
  warningPercent: number;
  criticalPercent: number;
  /** Standing artefacts, second copies too. */
  artefacts: number;
  artefactBytes: number;
  configs: { config: string; artefacts: number; bytes: number }[];
  /** When it was last looked at. */
  lookedAt?: string;
  /** Why the last look failed. */
  error?: string;
}
