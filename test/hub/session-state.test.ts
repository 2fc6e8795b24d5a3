import { describe, expect, it } from 'vitest';
import { next, type State, states, type Trigger } from '../../src/hub/feeds/session-state.ts';

function after(...triggers: Trigger[]): State {
  return triggers.reduce<State>(next, 'CONNECTED');
}

describe('a session is', () => {
  it.each<[State, Trigger[]]>([
    ['CONNECTED', []],
    ['CONNECTED', ['idle']],
    ['CONNECTED', ['event']],
    ['CONNECTED', ['subscribed', 'unsubscribed']],
    ['CONNECTED', ['subscribed', 'event', 'unsubscribed']],
    ['CONNECTED', ['subscribed', 'idle', 'unsubscribed']],
    ['SUBSCRIBED', ['subscribed']],
    ['SUBSCRIBED', ['subscribed', 'subscribed']],
    ['SUBSCRIBED', ['subscribed', 'idle', 'subscribed']],
    ['ACTIVE', ['subscribed', 'event']],
    ['ACTIVE', ['subscribed', 'event', 'subscribed']],
    ['ACTIVE', ['subscribed', 'event', 'idle', 'event']],
    ['IDLE', ['subscribed', 'idle']],
    ['IDLE', ['subscribed', 'event', 'idle', 'idle']],
    ['DISCONNECTING', ['closing']],
    ['DISCONNECTING', ['subscribed', 'event', 'closing', 'event', 'subscribed', 'unsubscribed', 'idle', 'closing']],
    ['CLOSED', ['closed']],
    ['CLOSED', ['subscribed', 'closing', 'closed']],
  ])('%s after %j', (state, triggers) => {
    expect(after(...triggers)).toBe(state);
  });

  it('CLOSED for good', () => {
    const triggers: Trigger[] = ['subscribed', 'unsubscribed', 'event', 'idle', 'closing', 'closed'];
    for (const trigger of triggers) expect(next('CLOSED', trigger)).toBe('CLOSED');
    for (const state of states) expect(next(state, 'closed')).toBe('CLOSED');
  });
});
