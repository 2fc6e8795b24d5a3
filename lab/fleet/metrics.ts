/** Reads what a Prometheus endpoint says. */

/** Values by name and labels as written: `websocket_pod_connections{pod_id="pod1"}`. */
export type Metrics = Readonly<Record<string, number>>;

export async function readMetrics(url: string): Promise<Metrics> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}: ${await answer.text()}`);
  return parseMetrics(await answer.text());
}

function parseMetrics(text: string): Metrics {
  const found: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const sample = /^([^#\s{]+(?:\{.*\})?)\s+(\S+)/.exec(line);
    if (sample?.[1] !== undefined) found[sample[1]] = Number(sample[2]);
  }
  return found;
}
