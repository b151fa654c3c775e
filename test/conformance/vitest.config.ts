import { fileURLToPath } from 'node:url';
import { mergeConfig } from 'vitest/config';
import base from '../vitest.config.js';

/** For `npm run conformance`; what `npm test` has of it are the files that end with `.spec.ts`. */
const config = mergeConfig(base, {});
config.test.include = ['conformance/methods/*.conformance.ts'];
const outputFile = fileURLToPath(new URL('../../.cache/conformance.json', import.meta.url));
config.test.reporters = ['verbose', ['json', { outputFile }]];
export default config;
