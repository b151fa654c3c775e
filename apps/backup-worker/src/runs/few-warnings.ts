import { warningText } from '@hozen/contracts';
/** An event must fit into a message of the broker, whatever a server has to say. */
const MOST = 50;
const LONGEST = 500;

/** The first warnings, and how many more there are: the run and the manifest have them all. */
export function fewWarnings(warnings: readonly string[]): string[] {
  const first = warnings
    .slice(0, MOST)
    .map((text) => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text));
  const left = warnings.length - first.length;
  return left > 0 ? [...first, warningText('more-in-manifest', { count: left })] : first;
}
