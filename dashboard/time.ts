/** Times as people read them, in their own zone. */

export function clockTime(iso: string): string {
  return new Date(iso).toLocaleTimeString([], { hour12: false });
}

/** With the day when that is not today. */
export function dayAndTime(iso: string): string {
  const time = new Date(iso);
  const isToday = time.toDateString() === new Date().toDateString();
  return isToday ? clockTime(iso) : `${time.toLocaleDateString()} ${clockTime(iso)}`;
}
