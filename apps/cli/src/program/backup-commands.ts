import { BACKUP_LEVELS, RUN_STATES } from '@hozen/contracts';
import { Option } from 'commander';
import { apply } from '../commands/apply.js';
import { backup } from '../commands/backup.js';
import { cancel } from '../commands/cancel.js';
import { configs } from '../commands/configs.js';
import { run } from '../commands/run.js';
import { runs } from '../commands/runs.js';
import { schedules } from '../commands/schedules.js';
import { trace } from '../commands/trace.js';
import { up } from '../up/up.js';
import type { Definer } from './definer.js';

const DEFAULT_RUNS = 20;
/** As many as the service gives at once. */
const MOST_RUNS = 200;

/** What is to be backed up, and its runs. */
export function addBackupCommands({ command, json, examples, act, text, wholeNumber }: Definer): void {
  command('up', 'about.up')
    .option('--once', text('option.once'))
    .option('--json', text('option.json-lines'))
    .addHelpText('after', examples('hozen up', 'hozen up --once', 'HOZEN_HOME=/srv/hozen hozen up'))
    .action(act(up));

  command('apply', 'about.apply')
    .requiredOption('-f, --file <file>', text('option.file'))
    .option('--dry-run', text('option.dry-run'))
    .addOption(json())
    .addHelpText('after', examples('hozen apply -f backups.yaml --dry-run', 'hozen apply -f backups.yaml'))
    .action(act(apply));

  command('backup', 'about.backup')
    .argument('<config>', text('argument.config'))
    .option('--wait', text('option.wait'))
    .option('--reason <text>', text('option.reason'))
    .option('--override-window', text('option.override-window'))
    .addOption(new Option('--level <level>', text('option.level')).choices(BACKUP_LEVELS))
    .option('--synthetic', text('option.synthetic'))
    .option('--json', text('option.json-lines'))
    .addHelpText(
      'after',
      examples(
        'hozen backup nightly --wait',
        'hozen backup nightly --reason "before the upgrade"',
        'hozen backup files --synthetic --wait',
      ),
    )
    .action(act(backup));

  command('runs', 'about.runs')
    .option('--config <name>', text('option.config'))
    .addOption(new Option('--state <state>', text('option.state')).choices(RUN_STATES))
    .option('--limit <number>', text('option.limit'), wholeNumber(MOST_RUNS), DEFAULT_RUNS)
    .option('--before <run>', text('option.before'))
    .addOption(json())
    .addHelpText('after', examples('hozen runs', 'hozen runs --config nightly --state failed --limit 5'))
    .action(act((context, { config, state, limit, before }) => runs(context, { config, state, limit, before })));

  command('run', 'about.run')
    .argument('<run>', text('argument.run'))
    .addOption(json())
    .addHelpText('after', examples('hozen run 5c0f0a3e-9f39-4d39-8a53-0f6d2f0c8f11'))
    .action(act((context, id: string) => run(context, id)));

  command('configs', 'about.configs')
    .addOption(json())
    .addHelpText('after', examples('hozen configs'))
    .action(act(configs));

  command('schedules', 'about.schedules')
    .addOption(json())
    .addHelpText('after', examples('hozen schedules'))
    .action(act(schedules));

  command('trace', 'about.trace')
    .argument('<run>', text('argument.trace'))
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        'hozen trace 5c0f0a3e-9f39-4d39-8a53-0f6d2f0c8f11',
        'HOZEN_JAEGER_URL=http://jaeger:16686 hozen trace RUN',
      ),
    )
    .action(act((context, id: string) => trace(context, id)));

  command('cancel', 'about.cancel')
    .argument('<run>', text('argument.run'))
    .addOption(json())
    .addHelpText('after', examples('hozen cancel 5c0f0a3e-9f39-4d39-8a53-0f6d2f0c8f11'))
    .action(act((context, id: string) => cancel(context, id)));
}
