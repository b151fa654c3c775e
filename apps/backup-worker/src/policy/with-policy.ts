import type { PolicyFinding, RestoreObstacle, RestorePlanView } from '@hozen/contracts';
import type { RestoreSource } from '../restores/find-source.js';
import type { Finding } from './findings.js';

export type PlanPolicy = NonNullable<RestorePlanView['policy']>;

/** Nothing is held back of an artefact that bears one of these. */
const EVERYTHING = '*';

/** Who answers for what is restored, and what the person who asks lets it bring. */
export interface Leave {
  source: Pick<RestoreSource, 'bad'>;
  trust: PlanPolicy['trust'];
  allow: readonly string[];
}

/** What is found comes into a plan in addition to what it has, and what is not allowed stands in its way. */
export function withPolicy(plan: RestorePlanView, findings: readonly Finding[], leave: Leave): RestorePlanView {
  const { source, trust, allow } = leave;
  const bad = plan.policy || !source.bad ? [] : [badFinding(source.bad.runId, plan.config)];
  const found = judged([...bad, ...findings], trust, allow);
  const refused = found.filter(({ allowed }) => !allowed);
  return {
    ...plan,
    policy: { trust, findings: [...(plan.policy?.findings ?? []), ...found] },
    obstacles: [
      ...refused.filter(({ kind }) => kind === 'bad-backup').map(({ name }) => obstacle('backup-bad', name)),
      ...unique([
        ...plan.obstacles,
        ...refused
          .filter(({ kind }) => kind !== 'bad-backup')
          .map(({ kind, name, where }) => obstacle('not-allowed', `${kind}:${name} (${where})`)),
      ]),
    ],
  };
}

/**
 * Where nobody answers for it, only what was named may be brought: `extension:postgis`, `role:*`, or `*` for all. What was found to be bad
 * is to be named itself, whoever answers for it.
 */
export function judged(
  findings: readonly Finding[],
  trust: PlanPolicy['trust'],
  allow: readonly string[],
): PolicyFinding[] {
  const isNamed = ({ kind, name }: Finding) =>
    [EVERYTHING, `${kind}:${EVERYTHING}`, `${kind}:${name}`].some((each) => allow.includes(each));
  return findings.map((each) => ({
    ...each,
    allowed: each.kind === 'bad-backup' ? isBadAllowed(each.name, allow) : trust !== 'none' || isNamed(each),
  }));
}

/** Whether somebody restores it on purpose: it may be all that there is. */
export function isBadAllowed(runId: string, allow: readonly string[]): boolean {
  return allow.includes(`bad-backup:${runId}`);
}

/** Our books answer for bytes that have the checksum in them, and for no others. */
export function mustBeChecked(policy: PlanPolicy | undefined): boolean {
  return policy?.trust === 'recorded' && policy.findings.some(({ kind }) => kind !== 'copy' && kind !== 'bad-backup');
}

/** As far as a plan's hash covers it. */
export function decidedOf(policy: PlanPolicy | undefined): unknown {
  return [policy?.trust, policy?.findings.map(({ kind, name, where, allowed }) => [kind, name, where, allowed])];
}

function badFinding(runId: string, where: string): Finding {
  return { kind: 'bad-backup', name: runId, where };
}

function obstacle(kind: RestoreObstacle, what: string): RestorePlanView['obstacles'][number] {
  return { kind, what };
}

function unique(obstacles: RestorePlanView['obstacles']): RestorePlanView['obstacles'] {
  return [...new Map(obstacles.map((each) => [JSON.stringify(each), each])).values()];
}
