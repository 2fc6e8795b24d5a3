/** The part of a name that its neighbours in a list share: what is left tells them apart. */

/** A prefix ends with one of these: half a word would be hard to read. */
const LAST_SEPARATOR = /[-._:][^-._:]*$/;

/** Of a name and those before and after it: the longest that it shares with one of them. Empty when there is none. */
function sharedPrefix(name: string, neighbours: readonly (string | undefined)[]): string {
  const lengths = neighbours.map((neighbour) => commonLength(name, neighbour ?? ''));
  const common = name.slice(0, Math.min(Math.max(0, ...lengths), name.length - 1));
  const separator = LAST_SEPARATOR.exec(common);
  return separator ? common.slice(0, separator.index + 1) : '';
}

/** Of each name of a list. */
export function sharedPrefixes(names: readonly string[]): string[] {
  return names.map((name, index) => sharedPrefix(name, [names[index - 1], names[index + 1]]));
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
