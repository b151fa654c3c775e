export * from './address.js';
export { connect, TargetClient, type ConnectOptions } from './connection/connect.js';
export { asTargetError, targetParams, type AddressFacts } from './connection/target-error.js';
export { copyIn } from './copy/copy-in.js';
export { copyOut, type CopiedRows } from './copy/copy-out.js';
export type { TakeRows } from './copy/copy-messages.js';
export { runSingle } from './connection/single-statement.js';
export { resultsOf } from './connection/statements.js';
export * from './inspection/cluster-facts.js';
export { inspectActivity, inspectCluster, inspectTogether } from './inspection/inspect-cluster.js';
export { connectMariadb, MariadbClient } from './mariadb/connect-mariadb.js';
export {
  BINLOG_RIGHTS,
  COPY_RIGHTS,
  DUMP_RIGHTS,
  inspectMariadb,
  mariadbDatabases,
  mysqlComponents,
  type MariadbDatabase,
  type MariadbFacts,
} from './mariadb/inspect-mariadb.js';
export { mariadbErrorName } from './mariadb/mariadb-error.js';
export { FLAVOUR_NAMES, FLAVOURS, kindText, type Flavour, type ServerKind } from './mariadb/flavour.js';
export { isSocket, mariadbAddressOf, type AnsweringMariadb, type MariadbAddress } from './mariadb/mariadb-address.js';
export { findMariadbTool, isAtLeast, seriesOf, type MariadbProgram, type WantedKind } from './mariadb/mariadb-tools.js';
export { OptionFile } from './mariadb/option-file.js';
export { PrivateMariadb, type PrivateMariadbOptions } from './mariadb/private-mariadb.js';
export { withChildLimits, type ChildLimits } from './processes/child-limits.js';
export { findProgram } from './processes/find-program.js';
export type { RunAs } from './processes/guarded.js';
export type { SandboxView } from './processes/sandbox-arguments.js';
export { ensureSandbox, SANDBOX_MODES, whyUnconfined } from './processes/sandbox.js';
export { isRunning } from './processes/is-running.js';
export { removeFolder } from './processes/remove-folder.js';
export {
  baseBackup,
  type BaseBackupFacts,
  type BaseBackupOptions,
  type BaseBackupTaker,
} from './replication/base-backup.js';
export { formatLsn, parseLsn, walFileName } from './replication/lsn.js';
export { streamWal, type TakeWal, type WalStreamEnd, type WalStreamOptions } from './replication/stream-wal.js';
export { giveToServer } from './server/give-to-server.js';
export { makeFolders, makeStepwise } from './server/make-folders.js';
export { wrongPages } from './server/page-checksums.js';
export { freePort } from './server/free-port.js';
export type { PrivatePostgresOptions } from './server/options.js';
export type { StopMode } from './server/postmaster.js';
export { PrivatePostgres } from './server/private-postgres.js';
export { sessionName } from './sessions/session-name.js';
export { terminateOlderSessions } from './sessions/terminate-older-sessions.js';
export { installations, type Installation } from './tools/installations.js';
export { findTools, type PostgresTool, type PostgresTools } from './tools/find-tools.js';
export { runTool } from './tools/run-tool.js';
export type { RunningTool, ToolRun } from './tools/tool-run.js';
export {
  databaseArgument,
  plainEnvironment,
  toolEnvironment,
  memoryFolder,
  ToolEnvironment,
  type DisposableToolEnvironment,
  type ToolEnvironmentOptions,
} from './tools/tool-environment.js';
export { toolOutput } from './tools/tool-output.js';
