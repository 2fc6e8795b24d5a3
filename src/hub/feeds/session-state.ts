/**
 * The life of a session on `/ws`:
 *
 *     CONNECTED ──subscribed──▶ SUBSCRIBED ──event──▶ ACTIVE ──quiet──▶ IDLE
 *                                   └──────────────quiet─────────────────▲
 *
 * CONNECTED has no subscription. SUBSCRIBED has some, and no event has come yet. ACTIVE had an event since the last two
 * cleanups, IDLE had none; an event makes it ACTIVE again, a further subscription SUBSCRIBED. Without its last
 * subscription each is CONNECTED again. From each of them a session becomes DISCONNECTING when it is told to go, and
 * CLOSED, which is the end, when its connection is gone. What is not in the table changes nothing.
 */

export const states = ['CONNECTED', 'SUBSCRIBED', 'ACTIVE', 'IDLE', 'DISCONNECTING', 'CLOSED'] as const;

export type State = (typeof states)[number];

/** `unsubscribed`: from the last one. `quiet`: a cleanup found that no event had come since the one before. */
export type Trigger = 'subscribed' | 'unsubscribed' | 'event' | 'quiet' | 'closing' | 'closed';

const ending = { closing: 'DISCONNECTING', closed: 'CLOSED' } as const;

const transitions: Readonly<Record<State, Partial<Readonly<Record<Trigger, State>>>>> = {
  CONNECTED: { subscribed: 'SUBSCRIBED', ...ending },
  SUBSCRIBED: { event: 'ACTIVE', unsubscribed: 'CONNECTED', quiet: 'IDLE', ...ending },
  ACTIVE: { quiet: 'IDLE', unsubscribed: 'CONNECTED', ...ending },
  IDLE: { event: 'ACTIVE', subscribed: 'SUBSCRIBED', unsubscribed: 'CONNECTED', ...ending },
  DISCONNECTING: { closed: 'CLOSED' },
  CLOSED: {},
};

export function next(state: State, trigger: Trigger): State {
  return transitions[state][trigger] ?? state;
}
