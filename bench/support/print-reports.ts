import Table from 'cli-table3';
import { type Aim, type Comparison, type Figure, type Report, reachesAim } from './figure.ts';

/** Prints a table for each report. */
export function printReports(reports: readonly Report[]): void {
  for (const { title, figures } of reports) {
    const isLoad = figures.some((figure) => figure.p50);
    const table = new Table({
      head: ['', 'measured', 'yardstick', 'ratio', ...(isLoad ? ['p50', 'p99'] : []), 'to reach'],
      colAligns: [
        'left',
        'right',
        'right',
        'right',
        ...(isLoad ? (['right', 'right'] as const) : []),
        'left',
      ],
      style: { head: [], border: [], compact: true },
    });
    for (const figure of figures) {
      table.push([
        figure.what,
        withUnit(figure.value, figure.unit),
        figure.yardstick === undefined ? '' : withUnit(figure.yardstick, figure.unit),
        showRatio(figure),
        ...(isLoad ? [showRatio(figure.p50), showRatio(figure.p99)] : []),
        describeAim(figure),
      ]);
    }
    process.stdout.write(`\n${title}\n${table.toString()}\n`);
  }
}

function describeAim(figure: Figure): string {
  if (figure.aim === undefined) return '';
  const reached = reachesAim(figure) ? 'reached' : 'NOT reached';
  return `${wordAim(figure.aim, figure.unit)}: ${reached}`;
}

function wordAim({ of, is, bound }: Aim, unit: string): string {
  return `${is === 'least' ? '>=' : '<='} ${bound}${of === 'value' ? ` ${unit}` : ''}`;
}

function showRatio(comparison: Comparison | undefined): string {
  return comparison?.ratio === undefined ? '' : comparison.ratio.toFixed(2);
}

function withUnit(value: number, unit: string): string {
  return Number.isNaN(value) ? '' : `${round(value)} ${unit}`;
}

/** A noisy machine does not allow more than three significant digits. */
function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
