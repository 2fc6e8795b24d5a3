/**
 * The Lua scripts of the store: one file an operation.
 *
 * All that write what is true already have `flags=allow-oom` (Redis 7.0): a Redis whose memory is full has to learn
 * which connections are open and which are gone all the same, or it would end the leases of open ones. Only `acquire`
 * and `place` are refused then.
 */

import { loadScript } from '../../redis/script.ts';

const load = (name: string) => loadScript(name, import.meta.url);

export const scripts = {
  acquire: load('acquire'),
  place: load('place'),
  enrol: load('enrol'),
  listed: load('listed'),
  avoid: load('avoid'),
  renew: load('renew'),
  release: load('release'),
  withdraw: load('withdraw'),
  expire: load('expire'),
  lapsed: load('lapsed'),
  expiries: load('expiries'),
  snapshot: load('snapshot'),
  leases: load('leases'),
  holders: load('holders'),
  members: load('members'),
  register: load('register'),
  remove: load('remove'),
  incarnation: load('incarnation'),
  outage: load('outage'),
  leave: load('leave'),
  about: load('about'),
  gates: load('gates'),
  tell: load('tell'),
  promised: load('promised'),
  hears: load('hears'),
  askToClose: load('ask_to_close'),
  toClose: load('to_close'),
  keepOpen: load('keep_open'),
  override: load('override'),
  overrides: load('overrides'),
  putBack: load('put_back'),
  enforce: load('enforce'),
  note: load('note'),
  audit: load('audit'),
};
