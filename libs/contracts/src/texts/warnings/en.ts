/**
 * What a run or a restore says although it succeeded, and a plan beforehand. Some values are texts themselves: `reason`, `names`,
 * `whose`, `remedy` and `what` are those under `reason.` and so on.
 */
export const warningsEn = {
  'copy.later': 'The second copy is not at {path} yet, it is made later: {reason}',
  'reason.attempt-ended': 'the attempt that began it has ended.',
  'proof.not-read':
    'The artefact is encrypted and was made by an attempt that has ended, and the config names no identity to read it with: only the SHA-256 of the encrypted file was checked, nothing was restored.',
  'proof.not-restored': 'The backup was read back and is whole, but it was not restored for a proof: {reason}',
  'restore.known-bad':
    'Whoever asked for the restore knew that a verification had found the backup of run {run} to be bad',
  'restore.let-in': 'Whoever asked for the restore let it bring what nobody answers for: {names}',
  'sandbox.missing':
    'The programs that read the backup were not held in a sandbox, because the worker has none: {reason}',
  'proof.not-true': 'The backup is as the data is, and what must be true of the data is not: {reason}',
  'proof.damaged':
    'Page checksums of the server are wrong: its data is damaged. Nothing older is let go until a sound backup is made.',
  'size.more':
    'The backup holds {percent} % more than the last {count}: {size} instead of {usual} on average. Look whether something is missing, or was loaded twice.',
  'size.less':
    'The backup holds {percent} % less than the last {count}: {size} instead of {usual} on average. Look whether something is missing, or was loaded twice.',
  'more-in-manifest': 'and {count} more, which stand in the manifest',
  'full-instead': 'Instead of the {level} backup a full one was made: {reason}.',
  'copied-instead': 'Earlier backups could not be combined, so the files were copied from the server: {reason}.',
  'reason.newest-is-full': 'the newest backup is a full one',
  'reason.no-earlier': 'there is no earlier backup to build on',
  'reason.chain-long': 'the chain is {chain} backups long, and maxChain is {most}',
  'reason.moved': '{path} is not in the storage of the config any more',
  'reason.manifest-missing': 'the manifest of {path} is missing',
  'names.more': '{names}, and {more} more',
  'paths.unreadable': 'Paths that could not be read, and are not in the backup ({count}): {names}.',
  'paths.refused':
    'Paths that could not be read (not allowed, or archived), and are not in the backup ({count}): {names}.',
  'paths.vanished': 'Paths that vanished while the backup was made ({count}): {names}.',
  'paths.changed':
    'Paths that were changed while they were read: what is in the backup may be half old and half new ({count}): {names}.',
  'paths.replaced':
    'Paths that were replaced or removed while they were read: in the backup they are cut off ({count}): {names}.',
  'paths.elsewhere':
    'Paths that are of another file system, and not in the backup (crossFilesystems: true would take them) ({count}): {names}.',
  'paths.ours': 'Paths that are where backups are made, and not in the backup ({count}): {names}.',
  'paths.missing': 'Paths that the target names, and that are not there ({count}): {names}.',
  'paths.binary': 'Paths that are no text, and not in the backup (the method files takes them) ({count}): {names}.',
  'paths.too-large': 'Paths that are larger than maxFileKilobytes, and not in the backup ({count}): {names}.',
  'paths.no-plain-file':
    'Paths that are neither files nor folders nor links, and not in the backup ({count}): {names}.',
  'paths.name-of-git':
    'Paths that have a name that git keeps for itself, and are not in the backup ({count}): {names}.',
  'tags.refused': 'The tags of {count} objects could not be read (s3:GetObjectTagging), and are not in the backup.',
  'log.before-unreadable': 'The log before cannot be read, this one follows nothing: {reason}',
  'log.gap-wal':
    'There is a gap in the log: {reason}. Points in time from {from} ({fromLsn}) until the next full backup after {toLsn} cannot be restored.',
  'log.gap-binlog':
    'There is a gap in the log: {reason}. What was written after {from} ({fromFile}) and before {toFile} cannot be restored from logs.',
  'log.archive-short': 'The WAL archive does not close the gap: {reason}',
  'log.from-archive':
    'The server does not have the WAL from {first} to {last} any more: it was taken from its archive.',
  'slot.nobody-receives':
    'The WAL of this config is to be received all the time, and nobody does it just now: look whether a worker runs, and into its log.',
  'slot.no-limit':
    'The server keeps WAL for this backup without a limit: where backups stop, its disk fills. Set max_slot_wal_keep_size to what its disk can spare.',
  'whose.log': 'this log',
  'whose.receiver': 'the receiver of this config',
  'remedy.log': 'take logs more often',
  'remedy.receiver': 'look why it does not keep up',
  'slot.lost':
    'The server has given up the slot of {whose} (wal_status: lost): raise max_slot_wal_keep_size, or {remedy}.',
  'slot.unreserved':
    'The server is about to give up the slot of {whose} (wal_status: unreserved; it keeps {kept}): at its next checkpoint WAL is gone that no log has. Raise max_slot_wal_keep_size, or {remedy}.',
  'slot.near-limit':
    'The slot of {whose} keeps {kept}; after {safe} more the server gives it up (max_slot_wal_keep_size). Raise that, or {remedy}.',
  'slot.extended': 'The slot of {whose} keeps {kept} of WAL, more than max_wal_size (wal_status: extended).',
  'slot.unlimited':
    'The slot of {whose} keeps {kept} of WAL on the server without a limit: {remedy}, and set max_slot_wal_keep_size before the disk is full.',
  'slot.unlimited-left':
    'The slot of {whose} keeps {kept} of WAL on the server without a limit, and its disk has {free} left: {remedy}, and set max_slot_wal_keep_size before the disk is full.',
  'archive.not-there':
    'The server believes that {file} is archived, and {location} does not have it: look at its archive_command, and at hozen wal check.',
  'archive.unreadable': 'The WAL archive cannot be looked at: {reason}',
  'archive.failing':
    'The server fails to archive {file} (archive_command; last at {at}, {count} failures, last archived: {last}). It keeps all WAL since then, and its disk fills: its log says why.',
  'tables.not-transactional': 'These tables are not transactional, and not of the same moment as the others: {names}.',
  'tables.without-history':
    'These tables have a history of their rows (system versioning). It is not in a dump, which holds the rows of now; a copy of the server’s files has it: {names}.',
  'views.unusable':
    'These views are not restored, since the server itself cannot use them: a table, a column, a function or a user that they need is gone. Mend or drop them; their definitions stand in {file} of the backup: {names}.',
  'tables.unusable':
    'These tables are left out: what they merge is gone, or their files bear a name that no server creates again (rename or drop them): {names}.',
  'folders.no-databases':
    'The server takes these folders of its data directory for databases (set ignore_db_dirs, or move them away); they are left out: {names}.',
  'server.no-binlog': 'The server writes no binary log: what comes after this backup can be restored from nothing.',
  'users.left-out': 'The server does not use these users, since it resolves no names; they are left out: {names}.',
  'users.rights-lost':
    'Rights on tables, columns or routines that do not exist any more were left out; these accounts have some: {names}.',
  'transaction.open': 'A transaction is open since {seconds} s (process {pid}, user {user}, database {database}).',
  'database.interrupted': 'Database "{database}" is left out: a DROP DATABASE of it was interrupted.',
  'database.closed': 'Database "{database}" is left out: it does not allow connections.',
  'server.standby': 'The server is a standby: the contents of unlogged tables are not in the backup.',
  'parts.nothing': 'Nothing is left out by {pattern}: there is none.',
  'parts.tables': 'Of database "{database}" {count} tables and views are left out, as the config says.',
  'parts.without-rows': 'Of database "{database}" without rows: {names}.',
  'parts.large-objects': 'Of database "{database}" the large objects are left out: only parts of it are named.',
  'parts.needs': 'Of database "{database}" left out, too, because it needs what is left out: {names}.',
  'file.config-unreadable': 'The configuration file {path} is not in the backup: it could not be read.',
  'file.name-long': 'The file {path} is not in the backup: its name is too long.',
  'restore.archiving-off':
    'The restored server does not archive: archive_mode = off is the last setting in its postgresql.auto.conf, so that its WAL does not get among that of the original. To archive again, look at archive_command, and write "on" there before the first start; later: ALTER SYSTEM SET archive_mode = on, a restart, and a new full backup.',
  'restore.not-shut-down':
    'The server there was not shut down in good order. What it wrote last stands nowhere else, unless a log was taken of it.',
  'restore.beyond-last-log':
    'The moment lies after the last log. It is reached where the WAL archive has a transaction that ended later, which is seen when that is read; else nothing is restored, and the latest can be asked for.',
  'restore.whole-seconds':
    "The times in a binary log are whole seconds, of the server's clock: what was committed within the second that is asked for is left out. A GTID or a position is exact.",
  'restore.kept-tree':
    'What was in {name} is kept in {kept}. Programs that had files of it open go on writing there. Remove it when nobody needs it any more.',
  'restore.kept-postgres':
    'What was "{name}" before is kept as "{kept}", closed to applications. DROP DATABASE it when it is not needed any more.',
  'restore.kept-mariadb':
    'What was "{name}" before is kept as "{kept}", without its events, and nobody has rights there who has none on everything. DROP DATABASE it when it is not needed any more.',
  'restore.program-not-kept': '{program} could not be kept in "{kept}": {reason}',
  'restore.stays-different': 'It is there, and is another one in the backup; it stays: {name}.',
  'restore.owners-not-set':
    'The owners of the files could not be restored, for the worker is not root: all belong to its user.',
  'restore.attributes-not-set':
    'Access control lists or extended attributes could not be restored: the file system has none.',
  'restore.devices-not-set': 'Device nodes could not be restored, for the worker may not make any.',
  'restore.statistics-incomplete': 'Statistics are not complete: {what}. Run ANALYZE.',
  'what.table-of': 'table {table} of database "{database}": {reason}',
  'what.database': 'database "{database}": {reason}',
  'restore.users-not-restored': 'Users, roles and their rights are not restored; users.sql in the backup holds them.',
  'restore.other-series':
    'The rows are compared with the backup, the definitions are not: the server is of another series.',
  'restore.other-case':
    'The server has another lower_case_table_names: names of tables may differ in case, or be the same.',
  'restore.renamed': 'Settings and rights of database "{name}" itself are not restored under the name "{as}".',
  'restore.not-in-backup': 'The database "{name}" is not in the backup, as its config says.',
  'restore.every-server-has': 'Every server has a database "{name}": what the backup has of it goes to "{as}".',
  'restore.superuser-made': 'The role "{role}" is made, and may do anything on the server.',
  'restore.role-stays': 'The role "{role}" is there, and is another one in the backup: it stays as it is.',
  'what.dump-of-postgres': 'the backup is a dump of PostgreSQL: name such a target and databases of it',
  'what.copy-of-postgres': 'the backup is a copy of files: name a new directory instead of a target and databases',
  'what.log-of-postgres': 'the backup is a log: restore a copy of files to a point in time instead',
  'what.copy-of-mariadb':
    'the backup is a copy of the files of a MariaDB server: name a new directory instead of a target and databases',
  'what.binary-log': 'the backup is a binary log: restore a copy of files or a dump to a point in time instead',
  'what.dump-of-mariadb': 'the backup is a dump of MariaDB: name such a target and databases of it, or a new directory',
  'what.tree': 'the backup is a tree of files: name a new directory instead of a target (a bucket, where it is of one)',
  'what.other-flavour': 'the backup is of {from}, and the server is {to}: name a target of {from}',
  'what.in-place-of-mysql':
    'databases of MySQL cannot be replaced: restore them under another name (--database NAME=OTHER)',
  'what.account-refused': 'the server does not take the account {name} as it is in the backup',
  'what.parts-of-postgres': 'schemas and tables are chosen of dumps of PostgreSQL only',
  'what.no-server': 'it is no server: name a new directory instead',
  'what.point-of-mariadb': 'a point of a MariaDB server is a time, the latest, a GTID or a position in its binary log',
  'what.point-of-postgres':
    'a point of a PostgreSQL server is a time, the latest, an LSN, a transaction or a restore point',
  'what.tree-without-log':
    'a tree of files has no log: it can be restored as it was at a backup, and at no other moment',
  'what.log-begins-later': 'it ends at {lsn} ({at}), the log begins at {start}: {command}',
  'what.no-later-log': 'it ends at {lsn} ({at}), there is no later log: run the config of the log (postgres-wal)',
  'what.locks':
    '{tables} tables of {database} are locked when they are compared: set max_locks_per_transaction to {locks} or more, and restart the server',
  'what.sql-whole':
    'of a backup in the format sql databases are restored whole; configs of the format archive have parts',
  'what.only-utf8': 'tables go from UTF8 to UTF8 only, not {encoding}',
  'what.process': 'process {pid} in {folder}',
  'what.room': '{free} free, {needed} needed',
  'what.needs-no-approval': 'it is not in place, and needs none',
  'what.asked-by-same': '{by} asked for it; somebody else must approve',
  'what.approved-already': 'it is approved of already',
  'what.not-waiting': 'it does not wait for one, it is {state}',
  'what.other-plan': 'the plan that was seen is another one',
  'what.too-late': 'its time is over',
  'what.nobody-approved': 'nobody did in time',
} as const;

export type WarningKey = keyof typeof warningsEn;
export type WarningTexts = Readonly<Record<WarningKey, string>>;
