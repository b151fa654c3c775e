import { TREE_STEPS, type RestorePlanView } from '@hozen/contracts';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { planDirectory, type DirectoryGround } from './plan-directory.js';
import { folderAt, whyIrreplaceable } from './tree-swap.js';
import { planHash } from './plan-hash.js';
import { insteadOf } from './wrong-method.js';

export interface TreePlan {
  view: RestorePlanView;
  chain: CommittedArtefact[];
  /** Which folder is replaced. */
  old: string | undefined;
}

/** What a restore of a tree would do that takes the place of a folder, and everything that stands in its way. Changes nothing. */
export async function planTreeInPlace(ground: DirectoryGround): Promise<TreePlan> {
  const { directory, artefact } = ground;
  const { view, chain } = await planDirectory(ground);
  const isRefused = view.obstacles.some(({ kind }) => kind === 'directory-refused');
  const why = isRefused ? undefined : await whyIrreplaceable(directory);
  const old = isRefused ? undefined : await folderAt(directory);
  const { files, format } = artefact.manifest;
  const obstacles: RestorePlanView['obstacles'] = [
    ...view.obstacles.filter(({ kind }) => kind !== 'directory-taken'),
    ...(files || view.obstacles.some(({ kind }) => kind === 'wrong-method')
      ? []
      : [{ kind: 'wrong-method' as const, what: insteadOf(format) }]),
    ...(why === undefined ? [] : [{ kind: 'directory-irreplaceable' as const, what: `${directory} (${why})` }]),
  ];
  const whole: RestorePlanView = { ...view, obstacles, inPlace: { replaces: [directory] }, steps: [...TREE_STEPS] };
  return { view: { ...whole, hash: hashOf(whole, old) }, chain, old };
}

/** Of which folder goes, too: what has come in its place since was never agreed to be replaced. */
function hashOf(plan: RestorePlanView, old: string | undefined): string {
  const { chain, to, steps } = plan;
  return planHash(plan, [chain?.map(({ path, bytes }) => [path, bytes]), [to.target, old, steps]]);
}
