import { withCastsAtElements } from './array-casts.js';
import { withFlatConditions } from './flat-conditions.js';

/**
 * A definition as a server shows it once it has read it back. What a server stores is sometimes shown in a form that the
 * parser reads as another tree of the same meaning; of a restored copy one sees that one.
 */
export function asReadBack(definition: string): string {
  return withFlatConditions(withCastsAtElements(definition));
}
