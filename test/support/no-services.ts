/** For sources of pods that name none. */
export const NO_SERVICES = { has: () => false, sticky: () => undefined, stickySources: () => [] };
