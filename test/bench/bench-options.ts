/** What every side-by-side takes; `gigabytes` is the default size of the generated cluster, about as plain SQL. */
export function benchOptions(gigabytes: string) {
  return {
    json: { type: 'string' },
    gigabytes: { type: 'string', default: gigabytes },
    rounds: { type: 'string', default: '3' },
  } as const;
}
