import { userInfo } from 'node:os';
import {
  pointText,
  splitDatabase,
  translatedError,
  type PlannedDatabase,
  type ReachedPoint,
  type RestoreApproval,
  type RestoreDatabase,
  type RestorePlanView,
  type RestoreRequested,
  type RestoreView,
  translatedWarning,
  obstacleText,
} from '@hozen/contracts';
import type { Context } from '../context.js';
import type { Ending } from '../exit-codes.js';
import { call } from '../services/call.js';
import { followRestore } from '../services/follow-run.js';
import { isRunId } from '../services/run-id.js';
import { failureText } from '../terminal/failure.js';
import { progressOutput } from '../terminal/progress.js';
import { oneLine } from '../terminal/styles.js';
import { pairsText } from '../terminal/table.js';
import { missingOption } from '../usage-errors.js';
import { badText } from '../terminal/run-text.js';
import { bytesText, durationText, timeText } from '../terminal/units.js';

export interface RestoreOptions {
  to?: string;
  database?: string[];
  schema?: string[];
  table?: string[];
  all?: boolean;
  into?: string;
  directory?: string;
  at?: string;
  restorePoint?: string;
  lsn?: string;
  transaction?: string;
  gtid?: string;
  position?: string;
  latest?: boolean;
  allow?: string[];
  trust?: boolean;
  inPlace?: boolean;
  delta?: boolean;
  breakGlass?: string;
  plan?: boolean;
  wait?: boolean;
  reason?: string;
}

/** What a dump of MariaDB would bring is only known when all of it was read. */
const PLANNING_MS = 290_000;

/** `hozen restore <config|run> --to … --database …`, or `--directory …`: asks for a restore, or with `--plan` only what it would do. */
export async function restore(context: Context, source: string, options: RestoreOptions): Promise<Ending> {
  requireDestination(options);
  const request = requestOf(source, options);
  if (options.plan) return plan(context, request);
  const asked = await call<RestoreView>(context, 'backup-worker', '/restores', {
    method: 'POST',
    body: request,
    longestMs: PLANNING_MS,
  });
  if (!options.wait) {
    context.out.write(context.json ? `${JSON.stringify(asked)}\n` : askedText(context, asked));
    return 'ok';
  }
  const lines = context.json || !context.out.isTTY;
  if (!lines) context.err.write(approvalNeeded(context, asked) ?? '');
  const progress = progressOutput(context, lines);
  try {
    const ended = await followRestore(context, asked.id, progress);
    progress.stop();
    return show(context, ended, lines);
  } finally {
    progress.stop();
  }
}

function askedText(context: Context, asked: RestoreView): string {
  const command = `hozen restores ${asked.id}`;
  return `${context.text('restore.asked', { id: asked.id, command })}\n${approvalNeeded(context, asked) ?? ''}`;
}

/** What the second DBA is to be told. */
function approvalNeeded(context: Context, { id, planHash, approval, approvalUntil }: RestoreView): string | undefined {
  if (planHash === undefined || approval || approvalUntil === undefined) return undefined;
  const command = `hozen approve ${id} --plan ${planHash}`;
  return `${context.styles.warn(context.text('restore.approve', { command, time: timeText(approvalUntil) }))}\n`;
}

/** `hozen restores [id]`: the latest ones, or one. */
export async function restores(context: Context, id: string | undefined): Promise<Ending> {
  if (id === undefined) {
    const list = await call<{ restores: RestoreView[] }>(context, 'backup-worker', '/restores');
    context.out.write(context.json ? `${JSON.stringify(list)}\n` : restoresText(context, list.restores));
    return 'ok';
  }
  const view = await call<RestoreView>(context, 'backup-worker', `/restores/${encodeURIComponent(id)}`);
  context.out.write(context.json ? `${JSON.stringify(view)}\n` : restoreText(context, view));
  return 'ok';
}

function restoresText(context: Context, list: RestoreView[]): string {
  if (list.length === 0) return `${context.text('list.empty-restores')}\n`;
  return list.map((each) => restoreText(context, each)).join('\n');
}

/** `name` or `name=new name`. */
export function databaseOf(text: string): { name: string; as?: string } {
  const at = text.indexOf('=', 1);
  if (at < 0) return { name: text };
  const [name, as] = [text.slice(0, at), text.slice(at + 1)];
  return as === '' ? { name } : { name, as };
}

type Wanted = Pick<RestoreDatabase, 'name' | 'as' | 'into' | 'schemas' | 'tables'>;

/**
 * The databases of `--database`, with the parts of `--schema` and `--table`: of the one before their colon, or of the only one
 * there is.
 */
export function databasesOf({ database, schema, table, into }: RestoreOptions): Wanted[] {
  const found = new Map<string, Wanted>();
  for (const each of (database ?? []).map(databaseOf)) found.set(each.name, each);
  const add = (kind: 'schemas' | 'tables', text: string) => {
    const { database: before, rest } = splitDatabase(text);
    const [only] = found.size === 1 ? found.keys() : [];
    const name = before === undefined ? only : unquoted(before);
    if (name === undefined) throw missingOption('--database <name[=as]>');
    const whole = found.get(name) ?? { name };
    found.set(name, { ...whole, [kind]: [...(whole[kind] ?? []), rest] });
  };
  for (const text of schema ?? []) add('schemas', text);
  for (const text of table ?? []) add('tables', text);
  return [...found.values()].map((each) => (into === undefined ? each : { ...each, into }));
}

function unquoted(name: string): string {
  return /^".*"$/s.test(name) ? name.slice(1, -1).replaceAll('""', '"') : name;
}

/** A directory says everything, and so does a bucket; which databases of a server, the service asks for. */
function requireDestination({ to, directory }: RestoreOptions): void {
  if (directory === undefined && to === undefined) throw missingOption('--to <target>');
}

function requestOf(source: string, options: RestoreOptions): RestoreRequested {
  const databases = databasesOf(options);
  return {
    ...(isRunId(source) ? { run: source } : { config: source }),
    ...(options.to === undefined ? {} : { target: options.to }),
    ...(databases.length === 0 ? {} : { databases }),
    ...(options.all ? { whole: true } : {}),
    ...(options.directory === undefined ? {} : { directory: options.directory }),
    ...(options.trust || options.allow ? { allow: options.trust ? ['*'] : (options.allow ?? []) } : {}),
    ...(options.inPlace ? { inPlace: true } : {}),
    ...(options.delta ? { delta: true } : {}),
    ...(options.breakGlass === undefined ? {} : { breakGlass: options.breakGlass }),
    ...pointOf(options),
    requestedBy: userInfo().username,
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  };
}

/** How far the log is replayed. More than one way to say it is refused by the service, with the reason. */
function pointOf(options: RestoreOptions): Pick<RestoreRequested, 'point'> {
  const { at, restorePoint, lsn, transaction, gtid, position, latest } = options;
  const point = {
    ...(at === undefined ? {} : { time: at.replace(' ', 'T') }),
    ...(restorePoint === undefined ? {} : { restorePoint }),
    ...(lsn === undefined ? {} : { lsn }),
    ...(transaction === undefined ? {} : { transaction }),
    ...(gtid === undefined ? {} : { gtid }),
    ...(position === undefined ? {} : { position }),
    ...(latest ? { latest } : {}),
  };
  return Object.keys(point).length === 0 ? {} : { point };
}

async function plan(context: Context, request: RestoreRequested): Promise<Ending> {
  const view = await call<RestorePlanView>(context, 'backup-worker', '/restores/plan', {
    method: 'POST',
    body: request,
    longestMs: PLANNING_MS,
  });
  context.out.write(context.json ? `${JSON.stringify(view)}\n` : planText(context, view));
  return view.obstacles.length === 0 ? 'ok' : 'rejected';
}

function planText(context: Context, view: RestorePlanView): string {
  const { text, styles } = context;
  return pairsText(context, [
    [text('run.config'), oneLine(view.config)],
    [text('restore.backup'), `${view.runId}, ${timeText(view.artefact.committedAt)}`],
    [text('run.artefact'), oneLine(view.artefact.path)],
    [text('run.proof'), view.bad && styles.bad(badText(context, view.bad))],
    [text('restore.instead'), view.bad && insteadText(context, view.bad)],
    ...(view.chain ?? []).map(
      ({ path, level, bytes }) => [text('restore.part'), `${oneLine(path)}  ${level}, ${bytesText(bytes)}`] as const,
    ),
    [text('restore.logs'), view.logs && logsText(context, view.logs)],
    ...(view.recoverable ?? []).map(
      ({ from, upTo }) => [text('restore.recoverable'), `${timeText(from)} – ${timeText(upTo)}`] as const,
    ),
    [text('restore.from'), oneLine(`${view.from.target} (${view.from.version})`)],
    [text('restore.to'), oneLine(`${view.to.target} (${view.to.version})`)],
    ...view.databases.flatMap((database) => databaseRows(context, database)),
    [text('restore.roles'), view.roles && listed(view.roles.create)],
    ...(view.inPlace?.replaces ?? []).map((name) => [text('restore.replaces'), styles.warn(oneLine(name))] as const),
    ...deltaText(context, view.delta),
    [text('restore.safety'), view.inPlace?.safetyConfig && oneLine(view.inPlace.safetyConfig)],
    [text('restore.steps'), view.steps?.map((step) => text(`restore.step.${step}`)).join('\n')],
    [text('restore.plan'), view.hash],
    [
      text('restore.expected'),
      view.expectedSeconds === undefined ? undefined : durationText(view.expectedSeconds * 1000),
    ],
    ...view.warnings.map(
      (warning) => [text('run.warning'), styles.warn(oneLine(translatedWarning(context.language, warning)))] as const,
    ),
    ...policyText(context, view.policy),
    ...view.obstacles.map(
      (obstacle) => [styles.bad(text('restore.obstacle')), oneLine(obstacleText(context.language, obstacle))] as const,
    ),
  ]);
}

/** Where somebody answers for the backup, what it brings is worth a look, and no more. */
function policyText({ text, styles }: Context, policy: RestorePlanView['policy']): (readonly [string, string])[] {
  if (!policy || policy.findings.length === 0) return [];
  return [
    [text('restore.trust'), text(`restore.trust.${policy.trust}`)],
    ...policy.findings.map(({ kind, name, where, allowed }) => {
      const line = oneLine(`${kind}:${name} (${where}): ${text(`restore.policy.${kind}`)}`);
      return [text('restore.policy'), allowed ? line : styles.bad(line)] as const;
    }),
  ];
}

function insteadText({ text }: Context, { instead }: NonNullable<RestorePlanView['bad']>): string {
  return instead === undefined ? text('restore.instead-none') : `hozen restore ${instead} …`;
}

function deltaText({ text, styles }: Context, delta: RestorePlanView['delta']): (readonly [string, string])[] {
  if (!delta) return [];
  const { folders, files, missing, otherSize, removed, unfinished: id } = delta;
  return [
    ...folders.map((folder) => [text('restore.overwrites'), styles.warn(oneLine(folder))] as const),
    [text('restore.files'), text('restore.files-value', { files, missing, otherSize, removed })],
    ...(id === undefined
      ? []
      : [[text('restore.unfinished'), styles.warn(text('restore.unfinished-value', { id }))] as const]),
  ];
}

function listed(names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : names.map(oneLine).join('\n');
}

function databaseRows({ text, styles }: Context, { name, as, bytes, tables, parts }: PlannedDatabase) {
  // Copies of files do not know their tables.
  const size = tables === 0 ? bytesText(bytes) : `${bytesText(bytes)}, ${text('restore.tables', { tables })}`;
  const left = listed(parts?.unrestorable ?? []);
  return [
    [text('restore.database'), `${oneLine(name)} → ${oneLine(as)}  ${size}`],
    [text('restore.part-tables'), parts && listed(parts.tables)],
    [text('restore.part-without-rows'), parts && listed(parts.withoutRows)],
    [text('restore.part-unrestorable'), left && styles.warn(left)],
  ] as const;
}

function logsText({ text }: Context, { count, bytes, upTo }: NonNullable<RestorePlanView['logs']>): string {
  return text('restore.logs-value', { count, size: bytesText(bytes), time: timeText(upTo) });
}

function show(context: Context, view: RestoreView, lines: boolean): Ending {
  if (lines) context.out.write(`${JSON.stringify({ type: 'result', restore: view })}\n`);
  else if (view.error) context.err.write(failureText(context, view.error));
  else context.out.write(restoreText(context, view));
  if (view.state === 'cancelled') return 'cancelled';
  return view.state === 'completed' ? 'ok' : 'failed';
}

function restoreText(context: Context, view: RestoreView): string {
  const { text, styles } = context;
  const names = view.databases.map(({ name, as }) => `${oneLine(name)} → ${oneLine(as)}`).join(', ');
  return `${styles.bold(text('restore.title', { id: view.id }))}\n${pairsText(context, [
    [text('restore.backup'), view.runId],
    [text('restore.to'), oneLine(view.target)],
    [text('restore.database'), names === '' ? undefined : names],
    [text('restore.point'), view.point && oneLine(pointText(view.point))],
    [text('restore.reached'), view.reached && reachedText(view.reached)],
    ...watchText(context, view.watch),
    [text('restore.plan'), view.planHash],
    [text('restore.approved'), view.approval && approvalText(view.approval)],
    [text('run.state'), text(`state.${view.state}`)],
    [text('run.requested'), requestedText(context, view)],
    [text('run.reason'), view.reason && oneLine(view.reason)],
    [text('restore.policy'), view.allow && oneLine(view.allow.join(', '))],
    ...view.warnings.map(
      (warning) => [text('run.warning'), styles.warn(oneLine(translatedWarning(context.language, warning)))] as const,
    ),
    [
      text('run.error'),
      view.error && styles.bad(oneLine(`${view.error.code}: ${translatedError(context.language, view.error).message}`)),
    ],
    [text('run.trace'), view.traceId],
  ])}${view.state === 'queued' ? (approvalNeeded(context, view) ?? '') : ''}`;
}

/** Of a MariaDB server also where its log goes on: a replica is set up from there. */
function reachedText({ lastTransactionAt, gtids, position }: ReachedPoint): string | undefined {
  const parts = [lastTransactionAt && timeText(lastTransactionAt), gtids, position];
  const text = parts.filter((part) => part !== undefined && part !== '').join(', ');
  return text === '' ? undefined : oneLine(text);
}

function watchText({ text, styles }: Context, watch: RestoreView['watch']): (readonly [string, string])[] {
  if (!watch) return [];
  const { state, until, verdict, thresholdPercent, deviations } = watch;
  const when = { until: until === undefined ? '' : timeText(until), percent: thresholdPercent };
  const number = (value: number) => Number(value.toPrecision(3));
  return [
    [text('restore.watch'), text(`restore.watch.${verdict ?? (state === 'ended' ? 'unknown' : state)}`, when)],
    ...deviations.map(({ measure, now, normal }) => {
      const values = { measure: text(`measure.${measure}`), now: number(now), normal: number(normal) };
      return ['', styles.warn(text('restore.deviation', values))] as const;
    }),
  ];
}

function requestedText({ text }: Context, { queuedAt, requestedBy }: RestoreView): string {
  const by = requestedBy === undefined ? '' : ` ${text('run.requested-by', { who: oneLine(requestedBy) })}`;
  return `${timeText(queuedAt)}${by}`;
}

function approvalText({ by, at, breakGlass }: RestoreApproval): string {
  return oneLine([by, timeText(at), breakGlass].filter((part) => part !== undefined).join(', '));
}
