import { TokenFile, type Role } from '@hozen/access';
import { tokensFile, type Context } from '../context.js';
import type { Ending } from '../exit-codes.js';
import { oneLine } from '../terminal/styles.js';
import { tableText } from '../terminal/table.js';
import { timeText } from '../terminal/units.js';

/** `hozen token create <name> --role …`: on the machine of the services. The token is shown once. */
export async function tokenCreate(
  context: Context,
  name: string,
  { role, days }: { role: Role; days?: number },
): Promise<Ending> {
  const token = await new TokenFile(tokensFile(context)).create(name, role, days);
  if (context.json) context.out.write(`${JSON.stringify({ name, role, token })}\n`);
  else {
    context.err.write(`${context.text('token.created', { name: oneLine(name), role })}\n`);
    context.out.write(`${token}\n`);
  }
  return 'ok';
}

/** `hozen token list`: names and roles, never the tokens. */
export async function tokenList(context: Context): Promise<Ending> {
  const stored = await new TokenFile(tokensFile(context)).tokens();
  const tokens = stored.map(({ name, role, createdAt, expiresAt }) => ({ name, role, createdAt, expiresAt }));
  if (context.json) context.out.write(`${JSON.stringify({ tokens })}\n`);
  else if (tokens.length === 0) context.out.write(`${context.text('token.none')}\n`);
  else {
    const { text } = context;
    const headings = [text('column.name'), text('column.role'), text('column.created'), text('column.expires')];
    const rows = tokens.map(({ name, role, createdAt, expiresAt }) => [
      oneLine(name),
      role,
      timeText(createdAt),
      expiresAt === undefined ? '' : timeText(expiresAt),
    ]);
    context.out.write(tableText(context, headings, rows));
  }
  return 'ok';
}

/** `hozen token revoke <name>`: from the next request on. */
export async function tokenRevoke(context: Context, name: string): Promise<Ending> {
  await new TokenFile(tokensFile(context)).revoke(name);
  if (context.json) context.out.write(`${JSON.stringify({ revoked: name })}\n`);
  else context.out.write(`${context.text('token.revoked', { name: oneLine(name) })}\n`);
  return 'ok';
}
