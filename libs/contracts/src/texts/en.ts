import type { ErrorCode } from '../errors/catalogue.js';
import { noticesEn, type NoticeTexts } from './notices/en.js';

/** English texts: the reference. Other languages must have the same keys; the compiler checks it. */
export const en = {
  errors: {
    REQUEST_INVALID: ['The request is not valid', 'Correct the fields named in the reasons and publish it again.'],
    CONFIG_UNKNOWN: [
      'There is no backup config named "{config}"',
      'List the configs with `hozen configs`, or create it with `hozen apply -f backups.yaml`.',
    ],
    CONFIG_INVALID: ['The configuration is not valid', 'Correct the fields named above and apply it again.'],
    LEVEL_UNSUPPORTED: [
      'The method {method} cannot make a backup of level "{level}"',
      'Ask for one of these levels: {allowed}.',
    ],
    OUTSIDE_WINDOW: [
      'It is outside the execution window {window} of config "{config}"',
      'Wait for the window, or ask with `overrideWindow: true` (`hozen backup --override-window`); that is recorded.',
    ],
    TARGET_UNREACHABLE: [
      'The server {host}:{port} of target "{target}" cannot be reached',
      'Check that PostgreSQL runs there, that listen_addresses and the firewall let this worker in, and the address in the target.',
    ],
    TARGET_CONNECTION_LOST: [
      'The connection to target "{target}" was lost',
      "The server was restarted or the network failed; look at the server's log at this time.",
    ],
    TARGET_NOT_READY: [
      'The server of target "{target}" is not accepting connections yet',
      'It is starting up, shutting down or has no connection slot left; it is tried again.',
    ],
    TARGET_REFUSED: [
      'Target "{target}" refused what the backup needs',
      'The server says why, and often what to do; it is tried again.',
    ],
    TARGET_LOCKED: [
      'A lock on target "{target}" was not granted in time',
      'Find the session that holds it (pg_blocking_pids) and end it, or run the backup when no schema change is running.',
    ],
    TARGET_AUTH_FAILED: [
      'Target "{target}" refused the login of user "{user}"',
      "Check the user and the secret that the target refers to, and the server's pg_hba.conf.",
    ],
    TARGET_RIGHTS_MISSING: [
      'User "{user}" may not read everything on target "{target}"',
      'A whole-cluster backup needs a superuser, or a role that may read every object and pg_authid.',
    ],
    TARGET_REPLICATION_MISSING: [
      'User "{user}" may not copy the files of target "{target}"',
      'Run this on the target as a superuser: ALTER ROLE "{user}" REPLICATION;',
    ],
    TARGET_UNSUITABLE: [
      'Target "{target}" cannot be copied: {setting} is {value} and has to be {needed}',
      'Change it (ALTER SYSTEM SET …, then restart the server), or use the method postgres-logical.',
    ],
    PARTS_UNMATCHED: [
      'Target "{target}" has nothing of what the config names: {what}',
      'Correct `include` and `exclude` of the config (a name outside of double quotes is in lower case), or create what is missing.',
    ],
    TARGET_FOLDER_MISSING: [
      'The folder {path} of target "{target}" is not there',
      'Check the path in the target, and that what belongs there is mounted on the machine of the worker.',
    ],
    TARGET_FOLDER_UNREADABLE: [
      'The folder {path} of target "{target}" cannot be read',
      'Give the user of the worker the right to read it (or run the worker as root), and look at what follows.',
    ],
    REPOSITORY_UNREACHABLE: [
      'The repository {repository} cannot be reached',
      'Check the address, and the network between the worker and the server of the repository.',
    ],
    REPOSITORY_BUSY: [
      'The repository {repository} moved on again each time something was to be pushed',
      'Let fewer configs push to this branch at one time, or give this one a branch of its own.',
    ],
    REPOSITORY_REFUSED: [
      'The repository {repository} refused: {reason}',
      'Check key or password, the known host keys, who owns the repository, and whether the branch may be pushed to.',
    ],
    TOOL_MISSING: [
      'The program {tool} of PostgreSQL {major} was not found',
      'Install it (Debian: apt-get install postgresql-client-{major}), or set HOZEN_PG_BIN_{major} to its folder.',
    ],
    TOOL_TOO_OLD: [
      'The server is PostgreSQL {server} but the newest client here is {client}',
      'Install client programs of version {server} or newer on the worker; an older pg_dump cannot read a newer server.',
    ],
    PROGRAM_MISSING: ['The program {tool} was not found', 'Install it on the worker, as is said above.'],
    PROGRAM_TOO_OLD: [
      '{tool} is of version {client}, and the server of {server}',
      "Install the programs of the server's release series, or of a newer one, on the worker.",
    ],
    TOOL_UNPATCHED: [
      '{tool} {version} has a known security fault',
      'Upgrade the PostgreSQL client packages to {minimum} or later.',
    ],
    TOOL_FAILED: ['{tool} ended with {exit}', 'Its own message stands above; correct what it names and run it again.'],
    DISK_FULL: ['The disk of {path} is full', 'Free space or move the storage to a larger disk, then run it again.'],
    DISK_TOO_SMALL: [
      '{path} has {free} free, but {needed} are needed (twice the expected size)',
      'Free space there or choose another storage path.',
    ],
    STORAGE_UNWRITABLE: [
      'The storage directory {path} cannot be written',
      'Give the user of the worker the right to write there, and check that it is mounted read-write.',
    ],
    STORAGE_IO: ['Reading or writing {path} failed', 'Check the disk or the mount; it is tried again.'],
    STORAGE_CONFLICT: [
      'Another artefact already stands at {path}',
      'Nothing was overwritten. Two configs must not share a name and a storage path.',
    ],
    STORAGE_REFUSED: [
      'The storage refuses {path} ({reason})',
      'Check that the bucket exists, and the keys, their rights and their expiry; the reason is the word of the provider.',
    ],
    STORAGE_CLOCK_SKEW: [
      'The clock of this machine differs from that of the storage at {path} by {seconds} seconds',
      'Set the clock of the worker (NTP). The storage refuses every request until then.',
    ],
    WAL_INVALID: [
      '{path} is not the WAL file that its name says',
      'Nothing was archived. Find out who wrote it; the server keeps the file and asks again.',
    ],
    WAL_CONFLICT: [
      '{name} stands in the WAL archive {path} already, with other content',
      'Nothing was overwritten. Two servers archive to one place, or this one was set back: give it a WAL archive of its own (another path or prefix) and make a full backup.',
    ],
    WAL_FOREIGN: [
      'The WAL archive {path} belongs to the cluster {theirs}; this is {ours}',
      'Nothing was archived. Give every cluster a WAL archive of its own, and a new one after pg_upgrade or initdb.',
    ],
    WAL_GAP: [
      'The WAL archive {path} does not have {name}, but WAL before and after it',
      'Recovery stops here instead of ending early without saying so. Archive the file if the server still has it (pg_wal); else restore up to the gap, or from a later full backup: hozen wal list.',
    ],
    STORAGE_TOO_LARGE: [
      'The artefact became larger than {parts} parts of {partSize} at {path}',
      'The database grew far beyond its expected size while it was read. Run it again; if your provider takes more parts, raise maxParts.',
    ],
    COMPRESSION_FAILED: ['Compressing the data failed', 'It is tried again; if it goes on, check memory and Node.'],
    ARTEFACT_MISSING: ['{path} is not there any more', 'Find out who removed it; the backup is run again.'],
    ARTEFACT_CORRUPT: [
      '{path} does not hold what was written: {what}',
      'The disk or the transfer changed it. Do not rely on this file; check the storage; the backup is run again.',
    ],
    ASSERTION_FAILED: [
      'What must be true of the data is not true of the backup: {what}.',
      'The backup is as the data was. See since when: an older one may have what is missing.',
    ],
    CONTENT_DIFFERS: [
      'The restored copy differs from the backup: {what}',
      'Do not rely on this backup. Look at the named objects; it is run again.',
    ],
    IDENTITY_MISSING: [
      '{path} is encrypted, and its config names no identity to read it with',
      'Set `encryption.identity` of the config to a reference to the private key; or decrypt the file by hand with age.',
    ],
    NOT_ENCRYPTED: [
      '{path} is not encrypted: there is no key to be tried',
      'Set `encryption` in its config if its backups are to be encrypted; those that stand are not encrypted anew.',
    ],
    IDENTITY_WRONG: [
      'The identity of the config does not fit {path}',
      'Set `encryption.identity` to the private key of one of the recipients. A file may hold several identities, old ones too.',
    ],
    SIGNATURE_MISSING: [
      '{path} is not signed, and its config asks for a signature',
      'Find out who removed it. A backup from before signing was set up can be restored by hand, or by a config without `signing`.',
    ],
    SIGNATURE_WRONG: [
      'The signature of {path} is of none of the public keys of its config',
      'Somebody may have changed the backup: do not restore it before you know. If it was signed by an older key, add that to `signing.publicKeys`.',
    ],
    SIGNING_KEY_WRONG: [
      'The signing key {reference} cannot be used',
      'It must be an Ed25519 private key in PEM (openssl genpkey -algorithm ed25519), and its public key one of `signing.publicKeys`.',
    ],
    SANDBOX_FAILED: [
      'The scratch server for the restore test failed',
      'The backup itself may be good, but it is not proven. Check room, locales and extensions on the worker.',
    ],
    SANDBOX_MISSING: [
      'This worker cannot hold the programs that read a backup in a sandbox, and HOZEN_SANDBOX requires it',
      'Install bubblewrap (Debian: apt-get install bubblewrap) and let the worker use user namespaces (docs/operations.md). With HOZEN_SANDBOX=auto it goes on without one, and says so.',
    ],
    APPROVAL_MISSING: [
      'The restore in place {id} was not approved of: {what}.',
      'A second DBA approves of the plan with: hozen approve ID --plan HASH. Ask for the restore again if its time is over.',
    ],
    PLAN_CHANGED: [
      'What the restore in place would do is not what was approved of.',
      'Something changed since: a database, the server or the backup. Look at the plan, and ask again.',
    ],
    SAFETY_BACKUP_FAILED: [
      'The backup of what would be replaced did not succeed: {what}.',
      'Nothing was changed. See why it failed (hozen runs), and ask for the restore again.',
    ],
    TOKEN_MISSING: [
      'This installation asks for a token, and there is none, or it is unknown or expired.',
      'Set HOZEN_TOKEN to yours. A DBA makes one: hozen token create NAME --role viewer|operator|dba.',
    ],
    ROLE_MISSING: [
      '{name} has the role {role}; this needs {needed}.',
      'Ask somebody who has that role, or have a DBA make you another token: hozen token create.',
    ],
    SECRET_UNAVAILABLE: [
      'The secret {reference} cannot be read',
      'Check that the reference names an existing variable or a readable file.',
    ],
    TIMED_OUT: [
      'It took longer than the {minutes} minutes that are allowed',
      'Raise `timeoutMinutes`, or find out why the server or the storage is slow.',
    ],
    ABANDONED: [
      'The worker died {attempts} times during this run',
      'Look at the log of the workers for what ended them (memory, machine restarts).',
    ],
    CANCELLED: ['It was cancelled', 'Start it again when you are ready.'],
    LEASE_LOST: ['This worker lost its lease', 'Another worker has taken over; nothing is to be done.'],
    RESTORE_IMPOSSIBLE: [
      'The backup cannot be restored into {target}: {what}.',
      'Remove what stands in the way, then ask again. See it all at once: hozen restore … --plan',
    ],
    RESTORE_UNFINISHED: [
      'The data directory {path} is half restored: {what}',
      'No server starts there now. Restore into it again with --delta, from this backup or another one; what is right already is not written again.',
    ],
    RECOVERY_FAILED: [
      'The restored server did not replay its log up to {point}',
      'Its own words follow. Nothing stands in the folder. Ask for another moment, or begin with another backup: hozen restore … --plan shows what can be reached.',
    ],
    MAINTENANCE_BACKUP_FAILED: [
      'The safety backup before the maintenance failed: {reason}',
      'Nothing was changed in the database. Make the backup work first, then ask again.',
    ],
    MAINTENANCE_TYPE_UNSUPPORTED: [
      'Maintenance of type "{type}" is not available yet',
      'Ask for one of these types: {allowed}.',
    ],
    MAINTENANCE_IMPOSSIBLE: [
      'The maintenance of target "{target}" cannot be carried out',
      'Nothing was changed. Correct what is named above (database names, rights, the server to ask) and ask again.',
    ],
    MAINTENANCE_STEP_FAILED: [
      '{failed} of {steps} maintenance steps failed',
      'The others are done. Correct what is named above (an index over duplicate values cannot be rebuilt before they are removed), then ask again; every step stands in GET /maintenance/{run}.',
    ],
    DIAGNOSIS_FAILED: [
      'The state of target "{target}" could not be diagnosed',
      'Look at the server yourself; nothing was changed.',
    ],
    BROKER_UNSUITABLE: [
      'The NATS server {version} cannot do what is needed: {what}',
      'Use nats-server 2.9 or newer with JetStream enabled.',
    ],
    SCHEMA_NEWER: [
      'The tables of {service} were made by a newer version (unknown migration {migration})',
      'Start the newer version of the service, or restore its tables from before the upgrade.',
    ],
    SETTINGS_INVALID: [
      'Settings are missing or wrong: {what}',
      'Correct the named environment variables or options and start again.',
    ],
    PORT_TAKEN: ['Port {port} is already in use', 'Stop what uses it, or choose another port.'],
    SERVER_START_FAILED: ['{server} did not start', 'Its log stands above; correct what it names and start again.'],
    SERVICE_UNREACHABLE: [
      'The service at {url} does not answer',
      'Is it running? Start everything with `hozen up`, or set its address in {variable}.',
    ],
    ALREADY_RUNNING: [
      'Process {pid} is already using the data folder {home}',
      'Use it as it runs, stop it with Ctrl-C, or set HOZEN_HOME to another folder.',
    ],
    FILE_UNREADABLE: ['The file {path} cannot be read', 'Check the path and the rights.'],
    NOT_FOUND: ['There is no {what} "{id}"', 'List what there is with `hozen {list}`.'],
    INTERNAL: ['An unexpected error happened', 'This is a fault of Hozen. Please report it with the log of this run.'],
  },
  notices: noticesEn,
} as const satisfies TextCatalogue<ErrorCode>;

/** For each key of a section the message and, for errors, the hint. `{name}` is replaced by a parameter. */
export interface TextCatalogue<Code extends string> {
  errors: Readonly<Record<Code, readonly [message: string, hint: string]>>;
  notices: NoticeTexts;
}
