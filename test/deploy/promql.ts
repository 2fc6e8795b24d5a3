/** What of PromQL the tests have to understand: which metrics an expression reads. */

const STRING = /"(?:\\.|[^"\\])*"/g;
const MATCHERS_AND_RANGES = /\{[^}]*\}|\[[^\]]*\]/g;
const LABEL_LISTS = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g;
const OPERATORS = new Set(['and', 'or', 'unless', 'offset', 'bool']);
/** Not followed by a bracket: that would be a function. */
const NAME = /\b[a-zA-Z_:][\w:]*\b(?!\s*\()/g;

export function metricsIn(expression: string): string[] {
  const bare = expression.replace(STRING, '""').replace(MATCHERS_AND_RANGES, ' ').replace(LABEL_LISTS, ' ');
  return [...bare.matchAll(NAME)].map(([name]) => name).filter((name) => !OPERATORS.has(name));
}
