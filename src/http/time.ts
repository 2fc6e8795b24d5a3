/** A store's time, in milliseconds since the epoch, as the API tells it. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
