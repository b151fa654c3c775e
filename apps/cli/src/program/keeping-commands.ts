import type { CliText } from '@hozen/contracts';
import { Argument } from 'commander';
import { repositoryAdopt, repositoryScan } from '../commands/repository.js';
import { hold, release, retentionApply, retentionPreview } from '../commands/retention.js';
import { storage } from '../commands/storage.js';
import { strategyApply, type StrategyOptions } from '../commands/strategy.js';
import { STRATEGIES, type StrategyName } from '../configuration/strategies.js';
import type { Definer } from './definer.js';

/** What is kept where, and for how long. */
export function addKeepingCommands({ command, below, json, examples, act, text }: Definer): void {
  const strategy = command('strategy', 'about.strategy').addHelpText(
    'after',
    examples('hozen strategy apply standard erp --storage /srv/backups --dry-run'),
  );
  below(strategy, 'apply', 'about.strategy-apply')
    .addArgument(new Argument('<strategy>', text('argument.strategy')).choices(STRATEGIES))
    .argument('<target>', text('argument.target'))
    .option('--storage <folder>', text('option.storage'))
    .option('--like <config>', text('option.like'))
    .option('--zone <zone>', text('option.zone'))
    .option('--print', text('option.print'))
    .option('--dry-run', text('option.dry-run'))
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

  command('storage', 'about.storage')
    .addOption(json())
    .addHelpText('after', examples('hozen storage', 'hozen storage --json'))
    .action(act(storage));

  const repository = command('repository', 'about.repository').addHelpText(
    'after',
    examples('hozen repository scan', 'hozen repository scan nightly --json', 'hozen repository adopt'),
  );
  const ofRepository = (usage: string, about: CliText) =>
    below(repository, usage, about).argument('[config]', text('argument.config'));
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
  below(retention, 'preview', 'about.retention-preview')
    .argument('[config]', text('argument.config'))
    .addHelpText('after', examples('hozen retention preview', 'hozen retention preview nightly --json'))
    .action(act((context, config: string | undefined) => retentionPreview(context, config)));
  below(retention, 'apply', 'about.retention-apply')
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
}
