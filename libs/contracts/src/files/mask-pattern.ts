import { RE2JS } from 're2js';
import { ArrayMaxSize, IsArray, ValidateBy } from 'class-validator';

const LONGEST = 1_000;

/**
 * A pattern of RE2: it takes time in proportion to the text, whoever wrote it.
 * @throws what RE2 says is wrong with it
 */
export function maskPattern(text: string): RE2JS {
  return RE2JS.compile(text, RE2JS.CASE_INSENSITIVE | RE2JS.MULTILINE);
}

export function ArePatterns(): PropertyDecorator {
  const isPattern = (value: unknown) => {
    if (typeof value !== 'string' || value === '' || value.length > LONGEST) return false;
    try {
      maskPattern(value);
      return true;
    } catch {
      return false;
    }
  };
  const patterns = ValidateBy(
    { name: 'arePatterns', validator: { validate: isPattern } },
    {
      each: true,
      message: ({ property }) => `${property} must be patterns of RE2, without look-around and back references`,
    },
  );
  return (target, property) => {
    IsArray()(target, property);
    ArrayMaxSize(100)(target, property);
    patterns(target, property);
  };
}
