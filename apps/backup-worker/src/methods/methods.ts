import { isServerTarget, warningText, type BackupMethod } from '@hozen/contracts';
import { proveByStart } from '../verification/prove-by-start.js';
import { proveMariadb } from '../verification/prove-mariadb.js';
import { proveBinlog } from '../verification/prove-binlog.js';
import { proveMariadbFiles } from '../verification/prove-mariadb-files.js';
import { proveLog } from '../verification/prove-log.js';
import { proveByRestore } from '../verification/prove-by-restore.js';
import { proveConfiguration } from '../verification/prove-configuration.js';
import { proveFiles } from '../verification/prove-files.js';
import { checkFilesTarget } from './files/check-target.js';
import { copyTree } from './files/copy-tree.js';
import type { Method } from './method.js';
import { checkTarget } from './postgres-logical/check-target.js';
import { expectSession } from './postgres-logical/expected-session.js';
import { checkPhysicalTarget } from './postgres-physical/check-target.js';
import { combineChain, findCombinable } from './postgres-physical/combine-chain.js';
import { copyCluster } from './postgres-physical/copy-cluster.js';
import { checkMariadbTarget } from './mariadb-logical/check-target.js';
import { dumpServer } from './mariadb-logical/dump-server.js';
import { checkBinlogTarget } from './mariadb-binlog/check-target.js';
import { copyBinlogs } from './mariadb-binlog/copy-binlogs.js';
import { checkMariadbFiles } from './mariadb-physical/check-target.js';
import { copyServer } from './mariadb-physical/copy-server.js';
import { checkConfigurationTarget } from './git-config/check-target.js';
import { copyConfiguration } from './git-config/copy-configuration.js';
import { checkLogTarget } from './postgres-wal/check-target.js';
import { copyLog } from './postgres-wal/copy-log.js';
import { checkBucketTarget } from './s3/check-target.js';
import { copyBucket } from './s3/copy-bucket.js';
import { dumpCluster } from './postgres-logical/dump-cluster.js';

const METHODS: Readonly<Record<BackupMethod, Method>> = {
  'postgres-logical': {
    expect(target) {
      if (isServerTarget(target)) expectSession(target).catch(() => undefined);
    },
    async check(of, context) {
      const target = await checkTarget(of, context);
      return {
        bytes: target.bytes,
        dump: (job, writer, about) => dumpCluster(job, target, writer, about),
        [Symbol.asyncDispose]: async () => target.ahead?.[Symbol.asyncDispose](),
      };
    },
    prove: proveByRestore,
  },
  'postgres-physical': {
    async check(of, context) {
      const found = of.synthetic ? await findCombinable(of, context) : undefined;
      if (typeof found === 'object') {
        return {
          bytes: found.bytes,
          spoolBytes: found.bytes,
          dump: (job, writer, about) => combineChain(job, found, writer, about),
          [Symbol.asyncDispose]: () => Promise.resolve(),
        };
      }
      const target = await checkPhysicalTarget(of, context);
      if (found !== undefined) target.warnings.unshift(warningText('copied-instead', { reason: found }));
      return {
        bytes: target.facts.totals.bytes,
        dump: (job, writer, about) => copyCluster(job, target, writer, about),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
    prove: proveByStart,
  },
  'postgres-wal': {
    async check(of, context) {
      const target = await checkLogTarget(of, context);
      return {
        bytes: target.bytes,
        scratchBytes: 0,
        dump: (job, writer, about) => copyLog(job, target, writer, about),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
    prove: proveLog,
  },
  'mariadb-logical': {
    async check(of, context) {
      const target = await checkMariadbTarget(of, context);
      return {
        bytes: target.facts.totals.bytes,
        dump: (job, writer, about) => dumpServer(job, target, writer, about),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
    prove: proveMariadb,
  },
  'mariadb-binlog': {
    async check(of, context) {
      const target = await checkBinlogTarget(of, context);
      return {
        bytes: 0,
        scratchBytes: 0,
        dump: (job, writer, about) => copyBinlogs(job, target, writer, about),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
    prove: proveBinlog,
  },
  'mariadb-physical': {
    async check(of, context) {
      const target = await checkMariadbFiles(of, context);
      return {
        bytes: target.facts.totals.bytes,
        dump: (job, writer, about) => copyServer(job, target, writer, about),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
    prove: proveMariadbFiles,
  },
  'git-config': {
    async check(of, context) {
      const target = await checkConfigurationTarget(of, context);
      return {
        bytes: target.found.bytes,
        dump: (job, writer, about) => copyConfiguration(job, target, writer, about),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
    prove: proveConfiguration,
  },
  s3: {
    async check(of, context) {
      const target = await checkBucketTarget(of, context);
      return {
        bytes: target.found.bytes,
        dump: (job, writer, about) => copyBucket(job, target, writer, about),
        [Symbol.asyncDispose]: () => target[Symbol.asyncDispose](),
      };
    },
    prove: proveFiles,
  },
  files: {
    async check(of, context) {
      const target = await checkFilesTarget(of, context);
      return {
        bytes: target.tree.bytes,
        dump: (job, writer, about) => copyTree(job, target, writer, about),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
    prove: proveFiles,
  },
};

export function methodOf(name: BackupMethod): Method {
  return METHODS[name];
}
