// `npm run boundaries`: are all imports allowed?
import { checkBoundaries } from './lib/boundaries.mjs';
import { environment } from './lib/node-packages.mjs';
import { done, script } from './lib/say.mjs';
import { root } from './lib/setup.mjs';

await script(async () => {
  await checkBoundaries(environment(root));
  done('every import is allowed');
});
