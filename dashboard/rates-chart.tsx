/** Admitted and denied a second, over the last hour. */

import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { RATES_SPAN_S, type RatePoint } from './rates.ts';
import { spanName } from './use-history.ts';

const HEIGHT = 150;
const SPAN_S_MIN = 120;
/** There is no line through a single point. */
const LONE: uPlot.Series.Points = { show: (chart) => chart.data[0].length === 1, size: 4 };

export function RatesChart({ points }: { points: readonly RatePoint[] }) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const data: uPlot.AlignedData = [
    points.map(({ atS }) => atS),
    points.map(({ admitted }) => admitted),
    points.map(({ denied }) => denied),
  ];
  const latest = useRef(data);
  latest.current = data;

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const draw = () => {
      chart.current?.destroy();
      chart.current = new uPlot(optionsFor(element), latest.current, element);
    };
    draw();
    const resized = new ResizeObserver(() => chart.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', draw);
    return () => {
      dark.removeEventListener('change', draw);
      resized.disconnect();
      chart.current?.destroy();
    };
  }, []);
  // A canvas is drawn anew only when there is something new to draw.
  useEffect(() => chart.current?.setData(data), [points]);

  const last = points.at(-1);
  const [admitted, denied] = [last?.admitted ?? 0, last?.denied ?? 0];
  const [from, to] = spanOf(data[0]);
  const span = spanName({ minutes: Math.ceil((to - from) / 60) });
  const most = (rates: readonly (number | null)[]) => perSecond(Math.max(0, ...rates.map((rate) => rate ?? 0)));
  const summary =
    `Admitted ${perSecond(admitted)}, denied ${perSecond(denied)} a second. ` +
    `${span}: at most ${most(points.map((point) => point.admitted))} and ${most(points.map((point) => point.denied))}`;
  return (
    <section class="rates">
      <h2>Admitted and denied</h2>
      <p class="legend">
        <span class="admitted">admitted {perSecond(admitted)}/s</span>
        <span class="denied">denied {perSecond(denied)}/s</span>
        <span class="quiet">{span}</span>
      </p>
      <div ref={place} role="img" aria-label={summary} />
    </section>
  );
}

function optionsFor(element: HTMLElement): uPlot.Options {
  const style = getComputedStyle(element);
  const axis: uPlot.Axis = {
    stroke: style.getPropertyValue('--quiet'),
    grid: { stroke: style.getPropertyValue('--line'), width: 1 },
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { range: (chart) => spanOf(chart.data[0]) },
      // An idle fleet draws a line at the bottom, rather than noise.
      y: { range: (_chart, _min, max) => [0, Math.max(1, (max ?? 0) * 1.1)] },
    },
    axes: [
      { ...axis, size: 24, values: '{HH}:{mm}', incrs: [60, 120, 300, 600, 900], space: 70 },
      { ...axis, size: 44 },
    ],
    series: [
      {},
      { stroke: style.getPropertyValue('--bar'), width: 1.5, points: LONE },
      { stroke: style.getPropertyValue('--saturated'), width: 1.5, dash: [5, 3], points: LONE },
    ],
  };
}

/** From the first that is known: the whole span once it is, and at least two minutes. */
function spanOf([firstS]: ArrayLike<number> & Iterable<number>): [number, number] {
  const nowS = Date.now() / 1000;
  return [Math.max(nowS - RATES_SPAN_S, Math.min(firstS ?? nowS, nowS - SPAN_S_MIN)), nowS];
}

function perSecond(rate: number): string {
  return rate >= 100 ? rate.toFixed(0) : rate.toFixed(1);
}
