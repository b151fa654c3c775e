import type { ExecutionContext } from '../runs/execution-context.js';

/** What the worker gives to each restore that it executes. */
export type RestoreContext = Omit<ExecutionContext, 'afterRun'>;
