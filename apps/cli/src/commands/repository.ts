import type { RepositoryAdoptionView, RepositoryFinding, RepositoryScanView } from '@hozen/contracts';
import type { Context } from '../context.js';
import type { Ending } from '../exit-codes.js';
import { call } from '../services/call.js';
import { oneLine } from '../terminal/styles.js';
import { bytesText } from '../terminal/units.js';

/** A storage with many artefacts takes its time. */
const LONGEST_SCAN_MS = 600_000;

/** `hozen repository scan [config]`: fails where something is not as it should be. */
export async function repositoryScan(context: Context, config: string | undefined): Promise<Ending> {
  const view = await call<RepositoryScanView>(context, 'backup-worker', '/repository/scan', {
    query: { config },
    longestMs: LONGEST_SCAN_MS,
  });
  if (context.json) context.out.write(`${JSON.stringify(view)}\n`);
  else {
    for (const { storage, artefacts, bytes } of view.storages) {
      const facts = { storage: oneLine(storage), artefacts, size: bytesText(bytes) };
      context.out.write(`${context.text('repository.storage', facts)}\n`);
    }
    context.out.write(view.findings.map((each) => findingText(context, each)).join(''));
    if (view.findings.length === 0) context.out.write(`${context.styles.good(context.text('repository.well'))}\n`);
  }
  return view.findings.length === 0 ? 'ok' : 'failed';
}

/** `hozen repository adopt [config]`: what is unknown becomes known, as after the loss of the database. */
export async function repositoryAdopt(context: Context, config: string | undefined): Promise<Ending> {
  const view = await call<RepositoryAdoptionView>(context, 'backup-worker', '/repository/adopt', {
    method: 'POST',
    query: { config },
    longestMs: LONGEST_SCAN_MS,
  });
  if (context.json) context.out.write(`${JSON.stringify(view)}\n`);
  else {
    for (const { runId, config: name, path } of view.adopted) {
      context.out.write(`${context.styles.good('+')} ${oneLine(name)}  ${runId}  ${oneLine(path)}\n`);
    }
    context.out.write(view.refused.map((each) => findingText(context, each)).join(''));
    context.out.write(`${context.text('repository.adopted', { count: view.adopted.length })}\n`);
    if (view.adopted.length > 0) context.out.write(`${context.styles.warn(context.text('repository.unproven'))}\n`);
  }
  return view.refused.length === 0 ? 'ok' : 'failed';
}

function findingText({ text, styles }: Context, { kind, path, config, what }: RepositoryFinding): string {
  const about = [config === undefined ? '' : oneLine(config), what === undefined ? '' : oneLine(what)];
  const more = about.filter((each) => each !== '').join(': ');
  return `${styles.bad('✗')} ${text(`repository.${kind}`)}  ${oneLine(path)}${more === '' ? '' : `  (${more})`}\n`;
}
