import type { PartsSpec } from '@hozen/contracts';
import type { ClusterFacts, DatabaseFacts, PostgresAddress, PostgresTools } from '@hozen/dbms';
import type { PatternScopes } from '../../parts/server-parts.js';

/** A target that a dump may begin on. Holds the secret in its address. */
export interface CheckedTarget {
  address: PostgresAddress;
  facts: ClusterFacts;
  tools: PostgresTools;
  /** Those that are dumped. */
  databases: DatabaseFacts[];
  /** Of what is dumped, on the server. */
  bytes: number;
  /** Where the config names a part of the server. */
  parts?: TargetParts;
  warnings: string[];
}

export interface TargetParts {
  spec: PartsSpec;
  scopes: PatternScopes;
  /** Databases that are left out whole. */
  leftOut: string[];
}

/** What a program of a dump needs to know of its target. */
export type DumpableTarget = Pick<CheckedTarget, 'address' | 'facts' | 'tools' | 'databases'>;
