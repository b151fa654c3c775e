// `npm run check`: lint, types, format and arrows; no tests.
import { check } from './lib/checks.mjs';
import { script } from './lib/say.mjs';
import { setUp } from './lib/setup.mjs';

await script(async () => {
  await check(await setUp());
});
