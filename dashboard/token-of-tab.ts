/** The token, which lives as long as the browser's tab. */

const KEY = 'wsgate-token';

export const tokenOfTab = {
  get: (): string | undefined => sessionStorage.getItem(KEY) ?? undefined,
  set: (token: string): void => sessionStorage.setItem(KEY, token),
};
