import type { ExecutionContext } from '../runs/execution-context.js';

/** What the worker gives to each restore that it executes. */
export interface RestoreContext extends Omit<ExecutionContext, 'afterRun' | 'resources'> {
  /** Folders below which copies of files may be restored. */
  restoreFolders: readonly string[];
}
