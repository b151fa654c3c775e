import { ROLES, type Role } from '@hozen/access';
import { Option } from 'commander';
import { tokenCreate, tokenList, tokenRevoke } from '../commands/token.js';
import type { Definer } from './definer.js';

/** Who may ask. */
export function addTokenCommands({ command, below, examples, act, text, wholeNumber }: Definer): void {
  const token = command('token', 'about.token').addHelpText(
    'after',
    examples('hozen token create alice --role dba', 'hozen token list', 'hozen token revoke alice'),
  );
  below(token, 'create', 'about.token-create')
    .argument('<name>', text('argument.token'))
    .addOption(new Option('--role <role>', text('option.role')).choices(ROLES).makeOptionMandatory())
    .option('--days <number>', text('option.days'), wholeNumber())
    .addHelpText('after', examples('hozen token create alice --role dba', 'hozen token create grafana --role viewer'))
    .action(
      act((context, name: string, options: { role: Role; days?: number }) => tokenCreate(context, name, options)),
    );
  below(token, 'list', 'about.token-list').action(act((context) => tokenList(context)));
  below(token, 'revoke', 'about.token-revoke')
    .argument('<name>', text('argument.token'))
    .action(act((context, name: string) => tokenRevoke(context, name)));
}
