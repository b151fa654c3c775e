const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a text is the id of a run, and so not the name of a config. */
export function isRunId(text: string): boolean {
  return UUID.test(text);
}
