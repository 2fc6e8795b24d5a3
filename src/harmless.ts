/** Text from strangers on a terminal: what could move the cursor or turn text around is shown as `\u001b`. */

export function harmless(text: string): string {
  return escaped(text, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu);
}

export function escaped(text: string, characters: RegExp): string {
  return text.replace(characters, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
