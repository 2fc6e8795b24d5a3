/** Waits for work, but not for ever. */

/** Whether the work was done in time. It goes on, all the same. Rejects as the work does. */
export async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const inTime = await Promise.race([work.then(() => true), deadline]);
  clearTimeout(timer);
  return inTime;
}
