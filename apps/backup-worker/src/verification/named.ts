/** Differences named in an error. */
const NAMED = 5;

export function named(differences: readonly string[]): string {
  const more = differences.length - NAMED;
  return differences.slice(0, NAMED).join('; ') + (more > 0 ? `; and ${more} more` : '');
}
