/** What may be wrong between what a storage holds and what is known of it. */
export const REPOSITORY_FINDINGS = [
  'missing',
  'damaged',
  'bad',
  'changed',
  'should-be-gone',
  'unknown',
  'unreachable',
] as const;
export type RepositoryFindingKind = (typeof REPOSITORY_FINDINGS)[number];

export interface RepositoryFinding {
  kind: RepositoryFindingKind;
  path: string;
  /** Run whose artefact it is, where that is known. */
  runId?: string;
  config?: string;
  /** What exactly. */
  what?: string;
}

/** What a storage holds, compared with what is known (`GET /repository/scan`). Only sizes and manifests are looked at. */
export interface RepositoryScanView {
  storages: { storage: string; artefacts: number; bytes: number }[];
  findings: RepositoryFinding[];
}

/** Artefacts that were unknown and are known now (`POST /repository/adopt`). */
export interface RepositoryAdoptionView {
  adopted: { runId: string; config: string; path: string }[];
  /** Those that could not be, and why. */
  refused: RepositoryFinding[];
}
