import { VERIFICATION_KINDS } from '@hozen/contracts';
import { Option } from 'commander';
import { approve } from '../commands/approve.js';
import { restore, restores } from '../commands/restore.js';
import { verifications, verify, type VerifyOptions } from '../commands/verify.js';
import type { Definer } from './definer.js';

/** Restores, and the proof that they work. */
export function addRestoreCommands({ command, json, examples, act, text, wholeNumber }: Definer): void {
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
    .option('--seed <number>', text('option.seed'), wholeNumber())
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
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}
