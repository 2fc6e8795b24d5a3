/**
 * Whose events are believed. A gate tells its own under a source that nobody else may post. Anybody may post an event of
 * any type, `connection.admitted` too; so a type alone says nothing, and figures go by events of gates only.
 */

/** What the source of a gate's own events begins with; the gate's name follows. */
export const OWN_SOURCE = 'wsgate/';

/** Whether a gate tells it. */
export function isOwn({ source }: { readonly source: string }): boolean {
  return source.startsWith(OWN_SOURCE);
}
