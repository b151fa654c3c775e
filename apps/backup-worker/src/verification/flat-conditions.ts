/**
 * A definition as a server shows it after reading it back, as far as conditions go.
 *
 * `x BETWEEN 1 AND 2 AND y` is stored as one condition inside another, and shown so: `(((x >= 1) AND (x <= 2)) AND y)`;
 * comparisons of rows likewise, `NOT BETWEEN` with OR. Reading that back, the parser makes one of a first operand and
 * what holds it when both are AND, or both OR: `((x >= 1) AND (x <= 2) AND y)`. (gram.y, makeAndExpr, makeOrExpr.) Other
 * operands stay nested. And a join without a condition is shown as `ON TRUE`, which is read as a constant: `ON (true)`.
 */
export function withFlatConditions(definition: string): string {
  if (!/\) (?:AND|OR) | ON TRUE/.test(definition)) return definition;
  const open: Group[] = [];
  const changes: Change[] = [];
  TOKEN.lastIndex = 0;
  for (let found = TOKEN.exec(definition); found; found = TOKEN.exec(definition)) {
    const [token] = found;
    const group = open.at(-1);
    if (token === '(') open.push({ start: found.index, isFirst: definition[found.index - 1] === '(' });
    else if (token === ' AND ' || token === ' OR ') {
      if (group) group.operator ??= token;
    } else if (token === ' ON TRUE') changes.push({ at: found.index, was: token, is: ' ON (true)' });
    else if (token === ')') {
      open.pop();
      if (!group?.isFirst || !group.operator || !definition.startsWith(group.operator, found.index + 1)) continue;
      changes.push({ at: group.start, was: '(', is: '' }, { at: found.index, was: ')', is: '' });
    } else if (token.startsWith('$')) {
      const end = definition.indexOf(token, TOKEN.lastIndex);
      if (end >= 0) TOKEN.lastIndex = end + token.length;
    }
  }
  return changed(definition, changes);
}

interface Group {
  start: number;
  /** Of what the group around it holds. */
  isFirst: boolean;
  /** Between what it holds: it is the same one everywhere, since each condition has parentheses of its own. */
  operator?: string;
}

interface Change {
  at: number;
  was: string;
  is: string;
}

/** Literals and quoted names as a whole, so that nothing in them counts; of a body in dollars only how it begins. */
const TOKEN = /'[^']*'|"[^"]*"|(?<![\w$])\$\w*\$|[()]| AND | OR | ON TRUE(?=[\s);]|$)/g;

function changed(definition: string, changes: readonly Change[]): string {
  let result = '';
  let from = 0;
  for (const { at, was, is } of changes.toSorted((a, b) => a.at - b.at)) {
    result += definition.slice(from, at) + is;
    from = at + was.length;
  }
  return result + definition.slice(from);
}
