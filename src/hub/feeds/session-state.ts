/**
 * The life of a session on `/ws`:
 *
 *     CONNECTED ──subscribed──▶ SUBSCRIBED ──event──▶ ACTIVE ──idle───▶ IDLE
 *                                   └──────────────idle──────────────────▲
 *
 * CONNECTED has no subscription. SUBSCRIBED has some, and no event has come yet. ACTIVE had an event within the last
 * two cleanups. IDLE had none; an event makes it ACTIVE again, a further subscription SUBSCRIBED. A session that loses
 * its last subscription is CONNECTED again. From each state a session becomes DISCONNECTING when it is told to go, and
 * CLOSED, which is final, when its connection is gone. What is not in the table changes nothing.
 */

export const states = ['CONNECTED', 'SUBSCRIBED', 'ACTIVE', 'IDLE', 'DISCONNECTING', 'CLOSED'] as const;

export type State = (typeof states)[number];

/** `unsubscribed`: from the last one. `idle`: a cleanup found that no event had come since the one before. */
export type Trigger = 'subscribed' | 'unsubscribed' | 'event' | 'idle' | 'closing' | 'closed';

const ending = { closing: 'DISCONNECTING', closed: 'CLOSED' } as const;

const transitions: Readonly<Record<State, Partial<Readonly<Record<Trigger, State>>>>> = {
  CONNECTED: { subscribed: 'SUBSCRIBED', ...ending },
  SUBSCRIBED: { event: 'ACTIVE', unsubscribed: 'CONNECTED', idle: 'IDLE', ...ending },
  ACTIVE: { idle: 'IDLE', unsubscribed: 'CONNECTED', ...ending },
  IDLE: { event: 'ACTIVE', subscribed: 'SUBSCRIBED', unsubscribed: 'CONNECTED', ...ending },
  DISCONNECTING: { closed: 'CLOSED' },
  CLOSED: {},
};

export function next(state: State, trigger: Trigger): State {
  return transitions[state][trigger] ?? state;
}
