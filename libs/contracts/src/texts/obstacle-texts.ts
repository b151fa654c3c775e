import type { RestorePlanView } from '../views/restore.js';
import type { Language } from '../words.js';
import { cliEn, type CliText } from './cli/en.js';
import { cliText } from './texts.js';
import { valuesIn } from './values-in.js';
import { translatedWhat } from './warning-texts.js';

const PREFIX = 'restore.obstacle.';
const BETWEEN = '; ';

/** The most special ones first; one of them is nothing but its value. */
const KEYS = (Object.keys(cliEn) as CliText[])
  .filter((key) => key.startsWith(PREFIX) && cliEn[key] !== '{what}')
  .toSorted((one, other) => cliEn[other].length - cliEn[one].length);

/** What stands in the way of a restore, as its plan says it. */
export function obstaclesText(language: Language, obstacles: RestorePlanView['obstacles']): string {
  return obstacles.map((obstacle) => obstacleText(language, obstacle)).join(BETWEEN);
}

export function obstacleText(language: Language, { kind, what }: RestorePlanView['obstacles'][number]): string {
  return cliText(language, `${PREFIX}${kind}`, { what: translatedWhat(language, what) });
}

/** The same, found again in an English text; what is not understood is kept. */
export function translatedObstacles(language: Language, text: string): string {
  return text
    .split(BETWEEN)
    .map((part) => translated(language, part))
    .join(BETWEEN);
}

function translated(language: Language, text: string): string {
  for (const key of KEYS) {
    const values = valuesIn(text, cliEn[key]);
    if (!values) continue;
    const { what = '', detail } = values;
    if (detail === undefined) return cliText(language, key, { what: translatedWhat(language, String(what)) });
    // What follows a colon at the end belongs to the name.
    if (cliEn[key].endsWith('{what}'))
      return cliText(language, key, { what: translatedWhat(language, `${what}: ${detail}`) });
  }
  return translatedWhat(language, text);
}
