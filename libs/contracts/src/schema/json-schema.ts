import { plainToInstance } from 'class-transformer';
import { getMetadataStorage } from 'class-validator';

export type JsonSchema = { [keyword: string]: unknown };

/** One rule as class-validator keeps it. */
interface Rule {
  propertyName: string;
  type: string;
  name?: string | undefined;
  each: boolean;
  constraints?: unknown[];
}

/** What each class-validator rule means in JSON Schema. A rule that is not here stops the generation. */
const KEYWORDS: Readonly<Record<string, (constraints: unknown[]) => JsonSchema>> = {
  // What is not optional is required already.
  isDefined: () => ({}),
  isString: () => ({ type: 'string' }),
  isNotEmpty: () => ({ minLength: 1 }),
  maxLength: ([most]) => ({ maxLength: most }),
  minLength: ([least]) => ({ minLength: least }),
  isBoolean: () => ({ type: 'boolean' }),
  isInt: () => ({ type: 'integer' }),
  isNumber: () => ({ type: 'number' }),
  min: ([least]) => ({ minimum: least }),
  max: ([most]) => ({ maximum: most }),
  equals: ([value]) => ({ const: value }),
  // Of a nested contract: which one, its own message says.
  hasOne: () => ({ minProperties: 1, maxProperties: 1 }),
  isIn: ([values]) => ({ enum: values }),
  isIso8601: () => ({ type: 'string', format: 'date-time' }),
  isEmail: () => ({ type: 'string', format: 'email' }),
  isObject: () => ({ type: 'object' }),
  isTimeZone: () => ({ type: 'string' }),
  isArray: () => ({ type: 'array' }),
  // Of pg_dump: which they are, the guide says.
  areNamePatterns: () => ({ items: { type: 'string' } }),
  arrayMinSize: ([least]) => ({ minItems: least }),
  arrayMaxSize: ([most]) => ({ maxItems: most }),
  arrayNotEmpty: () => ({ minItems: 1 }),
  matches: ([pattern]) => ({ type: 'string', pattern: (pattern as RegExp).source }),
};

/**
 * The JSON Schema of a contract class, read from its validation rules, so that the documents cannot say anything else
 * than what is checked.
 */
export function jsonSchemaOf(contract: new () => object): JsonSchema {
  const rules = getMetadataStorage().getTargetValidationMetadatas(contract, '', false, false) as Rule[];
  const names = [...new Set(rules.map((rule) => rule.propertyName))].toSorted();
  const of = (name: string) => rules.filter((rule) => rule.propertyName === name);
  const optional = (name: string) => of(name).some((rule) => rule.type === 'conditionalValidation');
  return {
    type: 'object',
    additionalProperties: false,
    required: names.filter((name) => !optional(name)),
    properties: Object.fromEntries(names.map((name) => [name, propertySchema(contract, name, of(name))])),
  };
}

function propertySchema(contract: new () => object, name: string, rules: Rule[]): JsonSchema {
  const whole = rules.filter((rule) => !rule.each).map((rule) => schemaOfRule(contract, name, rule));
  const items = rules.filter((rule) => rule.each).map((rule) => schemaOfRule(contract, name, rule));
  return Object.assign(
    {},
    ...whole,
    items.length > 0 ? { items: Object.assign({}, ...items) as JsonSchema } : {},
  ) as JsonSchema;
}

function schemaOfRule(contract: new () => object, name: string, rule: Rule): JsonSchema {
  if (rule.type === 'conditionalValidation') return {};
  if (rule.type === 'nestedValidation') return jsonSchemaOf(nestedContract(contract, name, rule.each));
  const keyword = KEYWORDS[rule.name ?? ''];
  if (!keyword) throw new Error(`${contract.name}.${name}: no JSON Schema for the rule ${rule.name ?? rule.type}`);
  return keyword(rule.constraints ?? []);
}

/** class-transformer does not tell a property's class, but it makes one. */
function nestedContract(contract: new () => object, name: string, each: boolean): new () => object {
  const made = plainToInstance(contract, { [name]: each ? [{}] : {} }) as Record<string, unknown>;
  const value = each ? (made[name] as object[])[0] : (made[name] as object);
  return (value as object).constructor as new () => object;
}
