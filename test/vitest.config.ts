import { mergeConfig } from 'vitest/config';
import base from '../vitest.base.js';

/** Whole stacks of processes: a dead worker alone is noticed after 15 s. Two files at a time: each starts many servers. */
export default mergeConfig(base, { test: { testTimeout: 150_000, hookTimeout: 120_000, maxWorkers: 2 } });
