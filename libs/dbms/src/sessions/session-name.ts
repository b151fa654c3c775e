/** PostgreSQL cuts longer names silently (NAMEDATALEN - 1). */
const MAX_BYTES = 63;

/** `application_name` of every session that belongs to a run. The epoch in it lets a later owner end an earlier one's sessions. */
export function sessionName(runId: string, epoch: number | bigint): string {
  return checkedSessionName(`hozen/${runId}/${epoch}`);
}

/**
 * Refuses a name that the server would change.
 *
 * @throws RangeError: a cut name would hide a session from {@link terminateOlderSessions}, or show it with a wrong epoch
 */
export function checkedSessionName(name: string): string {
  if (!/^[\x20-\x7e]*$/.test(name) || name.length > MAX_BYTES) {
    throw new RangeError(`application_name must be at most ${MAX_BYTES} printable ASCII characters: ${name}`);
  }
  return name;
}
