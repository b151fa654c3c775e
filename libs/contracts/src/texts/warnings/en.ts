/** What a run says although it succeeded. `reason` and `names` are texts themselves: those under `reason.` and `names.`. */
export const warningsEn = {
  'copy.later': 'The second copy is not at {path} yet, it is made later: {reason}',
  'reason.attempt-ended': 'the attempt that began it has ended.',
  'proof.not-read':
    'The artefact is encrypted and was made by an attempt that has ended, and the config names no identity to read it with: only the SHA-256 of the encrypted file was checked, nothing was restored.',
  'proof.not-restored': 'The backup was read back and is whole, but it was not restored for a proof: {reason}',
  'proof.not-true': 'The backup is as the data is, and what must be true of the data is not: {reason}',
  'proof.damaged':
    'Page checksums of the server are wrong: its data is damaged. Nothing older is let go until a sound backup is made.',
  'size.more':
    'The backup holds {percent} % more than the last {count}: {size} instead of {usual} on average. Look whether something is missing, or was loaded twice.',
  'size.less':
    'The backup holds {percent} % less than the last {count}: {size} instead of {usual} on average. Look whether something is missing, or was loaded twice.',
  'more-in-manifest': 'and {count} more, which stand in the manifest',
  'full-instead': 'Instead of the {level} backup a full one was made: {reason}.',
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
  'server.no-binlog': 'The server writes no binary log: what comes after this backup can be restored from nothing.',
  'users.left-out': 'The server does not use these users, since it resolves no names; they are left out: {names}.',
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
} as const;

export type WarningKey = keyof typeof warningsEn;
export type WarningTexts = Readonly<Record<WarningKey, string>>;
