import { SHARED_TABLES } from '@hozen/persistence';
import { Admission1764510000000 } from './admission.migration.js';
import { AttemptResources1764500000000 } from './attempt-resources.migration.js';
import { BinlogRanges1764340000000 } from './binlog-ranges.migration.js';
import { BackupCopies1764280000000 } from './backup-copies.migration.js';
import { BackupLog1763600000300 } from './backup-log.migration.js';
import { BackupRecords1763600000200 } from './backup-records.migration.js';
import { BackupTables1763600000100 } from './backup-tables.migration.js';
import { KeyDrills1764360000000 } from './key-drills.migration.js';
import { MariadbInPlace1764450000000 } from './mariadb-in-place.migration.js';
import { PerformanceWatches1764440000000 } from './performance-watches.migration.js';
import { RecoveryRanges1764270000000 } from './recovery-ranges.migration.js';
import { RestoreAccounts1764610000000 } from './restore-accounts.migration.js';
import { RestoreAllowances1764530000000 } from './restore-allowances.migration.js';
import { RestoreDirectories1764260000000 } from './restore-directories.migration.js';
import { RestoresInPlace1764320000000 } from './restores-in-place.migration.js';
import { Restores1764160000000 } from './restores.migration.js';
import { RetentionTables1764100000000 } from './retention-tables.migration.js';
import { RunParents1764250000000 } from './run-parents.migration.js';
import { StorageUsage1764520000000 } from './storage-usage.migration.js';
import { StoragePath1764150000000 } from './storage-path.migration.js';
import { UnprovenArtefacts1764460000000 } from './unproven-artefacts.migration.js';
import { Verifications1764310000000 } from './verifications.migration.js';
import { DeltaRestores1764600000000 } from './delta-restores.migration.js';
import { WalReceivers1764400000000 } from './wal-receivers.migration.js';
import { WholeRestores1764410000000 } from './whole-restores.migration.js';

/** In the order in which they are run. */
export const migrations = [
  ...SHARED_TABLES,
  BackupTables1763600000100,
  BackupRecords1763600000200,
  BackupLog1763600000300,
  RetentionTables1764100000000,
  StoragePath1764150000000,
  Restores1764160000000,
  RunParents1764250000000,
  RestoreDirectories1764260000000,
  RecoveryRanges1764270000000,
  BackupCopies1764280000000,
  Verifications1764310000000,
  RestoresInPlace1764320000000,
  BinlogRanges1764340000000,
  KeyDrills1764360000000,
  WalReceivers1764400000000,
  WholeRestores1764410000000,
  PerformanceWatches1764440000000,
  MariadbInPlace1764450000000,
  UnprovenArtefacts1764460000000,
  AttemptResources1764500000000,
  Admission1764510000000,
  StorageUsage1764520000000,
  RestoreAllowances1764530000000,
  DeltaRestores1764600000000,
  RestoreAccounts1764610000000,
];
