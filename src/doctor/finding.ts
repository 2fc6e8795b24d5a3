/** What the doctor says. */

/** What a finding costs, the worst first; that is also the order in which they are told. */
export const COSTS = {
  limit: 'a limit does not hold',
  closes: 'live WebSockets are closed, or lose their slots',
  slots: 'slots stay taken after their connections closed',
  refusals: 'upgrades are refused, or wait',
  advice: 'worth a look',
} as const;

export type Cost = keyof typeof COSTS;

export interface Finding {
  /** For programs: a name that stays. */
  readonly check: string;
  readonly cost: Cost;
  /** Which part of which Envoy. */
  readonly where: string;
  /** What is there, and what that means. */
  readonly says: string;
  /** What to write. */
  readonly line: string;
}

export function byCost(a: Finding, b: Finding): number {
  const order = Object.keys(COSTS);
  return order.indexOf(a.cost) - order.indexOf(b.cost) || a.where.localeCompare(b.where);
}
