import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { tempDir } from '@hozen/testkit';
import { fillTree, growTree, treeContent } from '../content/tree.js';
import { WORKER_MB, type Source, type Subject } from '../subject.js';
import { afterwards } from './afterwards.js';

/** A folder of this machine; restored into a new one. */
export const files: Subject = {
  method: 'files',
  empty: { state: 'completed' },
  // What vanishes while it is read does not fail a backup; it is counted and named.
  broken: { state: 'completed', warning: /vanished/ },
  large: [{ what: 'files', count: 200_000, limit: (count) => WORKER_MB + (count * 1500) / 1e6 }],
  async open(): Promise<Source> {
    const folder = await tempDir();
    const root = folder.join('documents');
    await mkdir(root);
    return {
      secrets: {},
      targets: [{ name: 'documents', kind: 'files', path: root }],
      config: { method: 'files' },
      fill: (content) => fillTree(root, content),
      grow: (_what, count) => growTree(root, count),
      content: () => treeContent(root),
      async restored(trial) {
        const directory = trial.restoreFolder();
        await trial.restore({ config: trial.config, directory });
        return treeContent(directory);
      },
      leftovers: () => Promise.resolve([]),
      async break() {
        // The last ones: they are not read yet.
        const last = (await readdir(root)).toSorted().slice(-10);
        for (const name of last) await rm(join(root, name));
        return afterwards(() => Promise.resolve());
      },
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  },
};
