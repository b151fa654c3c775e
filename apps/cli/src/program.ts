import { readFileSync } from 'node:fs';
import {
  BACKUP_LEVELS,
  LANGUAGES,
  RUN_STATES,
  VERIFICATION_KINDS,
  cliText,
  type CliText,
  type Language,
} from '@hozen/contracts';
import { ROLES, type Role } from '@hozen/access';
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { apply } from './commands/apply.js';
import { approve } from './commands/approve.js';
import { backup } from './commands/backup.js';
import { cancel } from './commands/cancel.js';
import { configs } from './commands/configs.js';
import { hold, release, retentionApply, retentionPreview } from './commands/retention.js';
import { repositoryAdopt, repositoryScan } from './commands/repository.js';
import { restore, restores } from './commands/restore.js';
import { run } from './commands/run.js';
import { runs } from './commands/runs.js';
import { schedules } from './commands/schedules.js';
import { storage } from './commands/storage.js';
import { strategyApply, type StrategyOptions } from './commands/strategy.js';
import { tokenCreate, tokenList, tokenRevoke } from './commands/token.js';
import { trace } from './commands/trace.js';
import { verifications, verify, type VerifyOptions } from './commands/verify.js';
import { STRATEGIES, type StrategyName } from './configuration/strategies.js';
import { createContext, type Context, type Surroundings } from './context.js';
import { missingArgument } from './usage-errors.js';
import { ENDINGS, EXIT_CODES, meaningOf, type Ending } from './exit-codes.js';
import { reportFailure } from './terminal/failure.js';
import { up } from './up/up.js';

const DEFAULT_RUNS = 20;
/** As many as the service gives at once. */
const MOST_RUNS = 200;

/** A command's work; it says how it ended. */
type Work<Args extends unknown[]> = (context: Context, ...args: Args) => Promise<Ending>;

/** The command line of `hozen`. @param ended told once how the command that was called ended */
export function createProgram(around: Surroundings, language: Language, ended: (ending: Ending) => void): Command {
  const text = (key: CliText, params?: Record<string, string | number>) => cliText(language, key, params);

  /** Runs the work of a command and turns whatever it throws into its ending. */
  const act =
    <Args extends unknown[]>(work: Work<Args>) =>
    async (...given: unknown[]): Promise<void> => {
      const command = given.at(-1) as Command;
      const options = command.optsWithGlobals<{ json?: boolean; lang?: Language }>();
      const context = createContext(around, { language: options.lang ?? language, json: options.json === true });
      try {
        ended(await work(context, ...(given.slice(0, -1) as Args)));
      } catch (error) {
        // Options that are needed only together are looked at by the command itself.
        if (error instanceof CommanderError) throw error;
        ended(reportFailure(context, error));
      }
    };

  const json = () => new Option('--json', text('option.json'));
  const lang = () => new Option('--lang <language>', text('option.lang')).choices(LANGUAGES);
  const examples = (...lines: string[]) => `\n${text('help.examples')}\n${lines.map((line) => `  ${line}\n`).join('')}`;

  const program = new Command('hozen')
    .description(text('about.hozen'))
    .version(ownVersion(), '-V, --version', text('option.version'))
    .helpOption('-h, --help', text('option.help'))
    .helpCommand('help [command]', text('about.help'))
    .addOption(lang())
    .configureHelp({ styleTitle: (title) => titleIn(text, title) })
    .configureOutput({ writeOut: (chunk) => void around.out.write(chunk), writeErr: () => undefined })
    .exitOverride()
    .addHelpText('after', examples('hozen up', 'hozen backup nightly --wait', 'hozen runs', 'hozen help exit-codes'));

  program.hook('preAction', (_, { registeredArguments, processedArgs }) => {
    const empty = registeredArguments.find((_argument, index) => processedArgs[index] === '');
    if (empty) throw missingArgument(empty.name());
  });

  const command = (usage: string, about: CliText) =>
    program.command(usage).description(text(about)).helpOption('-h, --help', text('option.help')).addOption(lang());

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
    .option('--limit <number>', text('option.limit'), wholeNumber(text, MOST_RUNS), DEFAULT_RUNS)
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

  command('storage', 'about.storage')
    .addOption(json())
    .addHelpText('after', examples('hozen storage', 'hozen storage --json'))
    .action(act(storage));

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

  command('restore', 'about.restore')
    .argument('<source>', text('argument.source'))
    .option('--to <target>', text('option.to'))
    .option('--database <name[=as]>', text('option.database'), collect)
    .option('--schema <[database:]schema>', text('option.schema'), collect)
    .option('--table <[database:]table>', text('option.table'), collect)
    .option('--into <database>', text('option.into'))
    .option('--all', text('option.all'))
    .option('--directory <path>', text('option.directory'))
    .option('--at <time>', text('option.at'))
    .option('--restore-point <name>', text('option.restore-point'))
    .option('--lsn <place>', text('option.lsn'))
    .option('--transaction <number>', text('option.transaction'))
    .option('--gtid <gtid>', text('option.gtid'))
    .option('--position <place>', text('option.position'))
    .option('--latest', text('option.latest'))
    .option('--allow <kind:name>', text('option.allow'), collect)
    .option('--trust', text('option.trust'))
    .option('--in-place', text('option.in-place'))
    .option('--delta', text('option.delta'))
    .option('--break-glass <reason>', text('option.break-glass'))
    .option('--plan', text('option.plan'))
    .option('--wait', text('option.wait-restore'))
    .option('--reason <text>', text('option.reason'))
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        'hozen restore nightly --to erp --database shop=shop_yesterday --plan',
        'hozen restore nightly --to erp --database shop=shop_yesterday --wait',
        'hozen restore 5c0f0a3e-9f39-4d39-8a53-0f6d2f0c8f11 --to test-server --database shop --database crm',
        'hozen restore nightly --to erp --table shop:public.orders --table "shop:public.order_*" --plan',
        'hozen restore nightly --to erp --database shop=shop_sales --schema shop:sales --wait',
        'hozen restore nightly --to erp --table shop:public.orders --into shop --plan',
        'hozen restore nightly --to new-server --all --plan',
        'hozen restore nightly --to erp --database shop --in-place --plan',
        'hozen restore nightly --to erp --database shop=shop_found --allow extension:postgis --plan',
        'hozen restore documents-bucket --to another-bucket --wait',
        'hozen restore erp-files --directory /var/lib/hozen/restored/erp --plan',
        'hozen restore erp-files --directory /var/lib/postgresql/15/main --delta --plan',
        'hozen restore documents --directory /srv/documents --in-place --plan',
        'hozen restore erp-files --directory /var/lib/hozen/restored/erp --at 2026-01-31T09:15:00+09:00 --wait',
      ),
    )
    .action(act(restore));

  command('approve', 'about.approve')
    .argument('<restore>', text('argument.restore'))
    .requiredOption('--plan <hash>', text('option.plan-hash'))
    .addOption(json())
    .addHelpText('after', examples('hozen approve 5c0f0a3e-9f39-4d39-8a53-0f6d2f0c8f11 --plan 9f2c…'))
    .action(act((context, id: string, options: { plan: string }) => approve(context, id, options)));

  command('restores', 'about.restores')
    .argument('[restore]', text('argument.restore'))
    .addOption(json())
    .addHelpText('after', examples('hozen restores'))
    .action(act((context, id: string | undefined) => restores(context, id)));

  command('verify', 'about.verify')
    .argument('[source]', text('argument.verify'))
    .addOption(new Option('--kind <kind>', text('option.kind')).choices(VERIFICATION_KINDS))
    .option('--seed <number>', text('option.seed'), wholeNumber(text))
    .option('--escrow <reference>', text('option.escrow'))
    .option('--wait', text('option.wait-verify'))
    .option('--reason <text>', text('option.reason'))
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        'hozen verify nightly --wait',
        'hozen verify nightly --kind sample',
        'hozen verify --kind spot --wait',
        'hozen verify nightly --escrow file:/media/safe/age-key.txt --wait',
      ),
    )
    .action(act((context, source: string | undefined, options: VerifyOptions) => verify(context, source, options)));

  command('verifications', 'about.verifications')
    .argument('[verification]', text('argument.verification'))
    .option('--config <name>', text('option.config-of'))
    .option('--target <name>', text('option.target-of'))
    .addOption(json())
    .addHelpText('after', examples('hozen verifications', 'hozen verifications --target erp --json'))
    .action(
      act((context, id: string | undefined, of: { config?: string; target?: string }) =>
        verifications(context, id, of),
      ),
    );

  const strategy = command('strategy', 'about.strategy').addHelpText(
    'after',
    examples('hozen strategy apply standard erp --storage /srv/backups --dry-run'),
  );
  strategy
    .command('apply')
    .description(text('about.strategy-apply'))
    .helpOption('-h, --help', text('option.help'))
    .addArgument(new Argument('<strategy>', text('argument.strategy')).choices(STRATEGIES))
    .argument('<target>', text('argument.target'))
    .option('--storage <folder>', text('option.storage'))
    .option('--like <config>', text('option.like'))
    .option('--zone <zone>', text('option.zone'))
    .option('--print', text('option.print'))
    .option('--dry-run', text('option.dry-run'))
    .addOption(json())
    .addOption(lang())
    .addHelpText(
      'after',
      examples(
        'hozen strategy apply standard erp --storage /srv/backups --zone Asia/Tokyo',
        'hozen strategy apply standard erp --like nightly --dry-run',
        'hozen strategy apply daily erp --storage /srv/backups --print > erp.yaml',
      ),
    )
    .action(
      act((context, name: StrategyName, target: string, options: StrategyOptions) =>
        strategyApply(context, name, target, options),
      ),
    );

  const token = command('token', 'about.token').addHelpText(
    'after',
    examples('hozen token create alice --role dba', 'hozen token list', 'hozen token revoke alice'),
  );
  const ofToken = (usage: string, about: CliText) =>
    token
      .command(usage)
      .description(text(about))
      .helpOption('-h, --help', text('option.help'))
      .addOption(lang())
      .addOption(json());
  ofToken('create', 'about.token-create')
    .argument('<name>', text('argument.token'))
    .addOption(new Option('--role <role>', text('option.role')).choices(ROLES).makeOptionMandatory())
    .option('--days <number>', text('option.days'), wholeNumber(text))
    .addHelpText('after', examples('hozen token create alice --role dba', 'hozen token create grafana --role viewer'))
    .action(
      act((context, name: string, options: { role: Role; days?: number }) => tokenCreate(context, name, options)),
    );
  ofToken('list', 'about.token-list').action(act((context) => tokenList(context)));
  ofToken('revoke', 'about.token-revoke')
    .argument('<name>', text('argument.token'))
    .action(act((context, name: string) => tokenRevoke(context, name)));

  const repository = command('repository', 'about.repository').addHelpText(
    'after',
    examples('hozen repository scan', 'hozen repository scan nightly --json', 'hozen repository adopt'),
  );
  const ofRepository = (usage: string, about: CliText) =>
    repository
      .command(usage)
      .description(text(about))
      .argument('[config]', text('argument.config'))
      .helpOption('-h, --help', text('option.help'))
      .addOption(lang())
      .addOption(json());
  ofRepository('scan', 'about.repository-scan').action(
    act((context, config: string | undefined) => repositoryScan(context, config)),
  );
  ofRepository('adopt', 'about.repository-adopt').action(
    act((context, config: string | undefined) => repositoryAdopt(context, config)),
  );

  const retention = command('retention', 'about.retention').addHelpText(
    'after',
    examples('hozen retention preview', 'hozen retention preview nightly --json', 'hozen retention apply'),
  );
  const below = (usage: string, about: CliText) =>
    retention
      .command(usage)
      .description(text(about))
      .helpOption('-h, --help', text('option.help'))
      .addOption(lang())
      .addOption(json());
  below('preview', 'about.retention-preview')
    .argument('[config]', text('argument.config'))
    .addHelpText('after', examples('hozen retention preview', 'hozen retention preview nightly --json'))
    .action(act((context, config: string | undefined) => retentionPreview(context, config)));
  below('apply', 'about.retention-apply')
    .addHelpText('after', examples('hozen retention apply'))
    .action(act((context) => retentionApply(context)));

  command('hold', 'about.hold')
    .argument('<run>', text('argument.run'))
    .requiredOption('--reason <text>', text('option.reason'))
    .addOption(json())
    .addHelpText('after', examples('hozen hold 5c0f0a3e-9f39-4d39-8a53-0f6d2f0c8f11 --reason "audit 2026"'))
    .action(act((context, id: string, { reason }: { reason: string }) => hold(context, id, reason)));

  command('release', 'about.release')
    .argument('<run>', text('argument.run'))
    .addOption(json())
    .addHelpText('after', examples('hozen release 5c0f0a3e-9f39-4d39-8a53-0f6d2f0c8f11'))
    .action(act((context, id: string) => release(context, id)));

  // Only for the list: bin/hozen.mjs gives `hozen wal` to the worker's program before this one is loaded.
  command('wal', 'about.wal').addHelpText('after', examples('hozen wal --help', 'hozen wal check'));

  command('exit-codes', 'about.exit-codes').action(
    act((context) => {
      context.out.write(exitCodesText(text));
      return Promise.resolve('ok');
    }),
  );
  return program;
}

export function exitCodesText(text: (key: CliText) => string): string {
  const lines = ENDINGS.map((ending) => `  ${String(EXIT_CODES[ending]).padStart(3)}  ${text(meaningOf(ending))}\n`);
  return `${text('help.exit-codes')}\n${lines.join('')}`;
}

const TITLES: Readonly<Record<string, CliText>> = {
  'Usage:': 'help.usage',
  'Arguments:': 'help.arguments',
  'Options:': 'help.options',
  'Global Options:': 'help.global-options',
  'Commands:': 'help.commands',
};

function titleIn(text: (key: CliText) => string, title: string): string {
  const key = TITLES[title];
  return key === undefined ? title : text(key);
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

function wholeNumber(text: (key: CliText, params: Record<string, string>) => string, most = 999_999_999) {
  return (value: string): number => {
    if (!/^[1-9]\d*$/.test(value) || Number(value) > most) {
      throw new InvalidArgumentError(text('usage.invalid-number', { value, most: String(most) }));
    }
    return Number(value);
  };
}

function ownVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
