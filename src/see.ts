/** The field `see` of a log line: where the documentation says what to do about it. */

/** The entries of docs/troubleshooting.md that log lines lead to, as their anchors. */
export const ENTRIES = [
  'bound-reached',
  'closes-not-heard',
  'deadline-too-long',
  'endpoints-unread',
  'gates-silent',
  'hidden-upgrades',
  'lists-differ',
  'never-asked',
  'no-answer',
  'not-obeyed',
  'one-name',
  'open-files',
  'pod-unknown',
  'proxy-unknown',
  'rerouted',
  'silence-contradicted',
  'split-pod',
  'store-attention',
  'store-away',
  'store-recovering',
  'ttl-too-short',
] as const;

export function see(entry: (typeof ENTRIES)[number]): string {
  return `docs/troubleshooting.md#${entry}`;
}
