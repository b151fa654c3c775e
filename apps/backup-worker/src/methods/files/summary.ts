import { hostname } from 'node:os';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { Chosen } from '../choose-parent.js';
import type { DumpSummary } from '../dump-summary.js';
import type { ByteText } from './byte-text.js';
import type { FilesTarget } from './check-target.js';
import type { ListedEntry } from './listing.js';
import type { FilesParent } from './parent.js';
import type { TreePlan } from './plan-increment.js';
import type { StoredMembers } from './stored-members.js';
import { warningsOf, type LeftOut } from './warnings.js';

/** What a run found and wrote. */
export interface Copied {
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

export function summaryOf(copied: Copied): DumpSummary {
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
