import type { DeliveryView } from '@hozen/contracts';
import { endingOfRun, verdictText } from '../commands/backup.js';
import type { Context } from '../context.js';
import type { Ending } from '../exit-codes.js';
import { failureText } from '../terminal/failure.js';
import { noticeText, proofText, sizeText } from '../terminal/run-text.js';
import { pairsText } from '../terminal/table.js';
import { betweenText, rateText } from '../terminal/units.js';
import { NOTICE_SECONDS, type Shown } from './first-backup.js';
import type { Home } from './home.js';
import { mailWith } from './mailbox.js';
import { SAMPLE_CONFIG } from './sample.js';

/** Shows what came of the first backup. @returns ok only when it is proven and the notice is out */
export async function report(context: Context, home: Home, { run, deliveries }: Shown): Promise<Ending> {
  const told = await Promise.all(
    deliveries.map(async (delivery) => ({ ...delivery, file: await mailOf(home, delivery) })),
  );
  const ending = endingOfReport({ run, deliveries });
  if (context.json) {
    context.out.write(`${JSON.stringify({ type: 'report', ok: ending === 'ok', run, deliveries: told })}\n`);
    return ending;
  }
  const { text, styles } = context;
  const { artefact } = run;
  context.out.write(`\n${styles.bold(text('up.report'))}  ${verdictText(context, run)}\n`);
  context.out.write(
    pairsText(context, [
      [text('run.artefact'), artefact?.path],
      [text('run.size'), artefact && sizeText(context, artefact)],
      [text('run.rate'), run.bytesPerSecond === undefined ? undefined : rateText(run.bytesPerSecond)],
      [text('run.took'), betweenText(run.startedAt, run.finishedAt)],
      [text('run.proof'), proofText(context, run)],
      ...notices(context, told),
      [text('run.trace'), run.traceId],
    ]),
  );
  if (run.error) context.out.write(failureText(context, run.error));
  context.out.write(`\n${styles.bold(text('up.next'))}\n${nextCommandsText(context, run.id, artefact?.path)}`);
  return ending;
}

export function endingOfReport({ run, deliveries }: Shown): Ending {
  const ending = endingOfRun(run);
  if (ending !== 'ok') return ending;
  return deliveries.length > 0 && deliveries.every(({ state }) => state === 'sent') ? 'ok' : 'failed';
}

type Told = DeliveryView & { file: string | undefined };

function notices(context: Context, told: Told[]): (readonly [string, string])[] {
  const label = context.text('up.notified');
  if (told.length === 0) {
    return [[label, context.styles.bad(context.text('up.no-notice', { seconds: NOTICE_SECONDS }))]];
  }
  return told.map((delivery) => [
    label,
    delivery.file ? `${noticeText(context, delivery)}\n${delivery.file}` : noticeText(context, delivery),
  ]);
}

/** The file of a mail in the local mailbox: the id of the delivery is part of its message id. */
async function mailOf(home: Home, delivery: DeliveryView): Promise<string | undefined> {
  return delivery.channel === 'email' ? mailWith(home.mail, delivery.id) : undefined;
}

function nextCommandsText(context: Context, runId: string, artefact: string | undefined): string {
  const { text, styles } = context;
  const commands = [
    [`npx hozen run ${runId}`, text('up.next-run')],
    [`npx hozen trace ${runId}`, text('up.next-trace')],
    ['npx hozen runs', text('up.next-runs')],
    [`npx hozen backup ${SAMPLE_CONFIG} --wait --override-window`, text('up.next-again')],
    ...(artefact === undefined ? [] : [[restoreCommand(artefact), text('up.next-restore')]]),
  ];
  return commands.map(([command, what]) => `  ${command}\n      ${styles.dim(what ?? '')}\n`).join('');
}

/** The name needs quotes for the shell, as the data folder may have any name. */
function restoreCommand(artefact: string): string {
  const quoted = `'${artefact.replaceAll("'", `'\\''`)}'`;
  return `tar -xOf ${quoted} --occurrence=1 restore.sh > restore.sh && sh restore.sh ${quoted}`;
}
