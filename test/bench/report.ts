/** How benchmarks say what they measured. */

export interface Measurement {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Most that the value should be, where there is such a number. */
  readonly budget?: number;
}

export function report({ what, value, unit, budget }: Measurement): void {
  const measured = `${what.padEnd(48)} ${value.toFixed(unit === '×' ? 2 : 1).padStart(9)} ${unit.padEnd(3)}`;
  if (budget === undefined) console.log(measured);
  else
    console.log(`${measured} budget ${budget} ${unit}${budget === 0 ? '' : `, ${(value / budget).toFixed(2)} of it`}`);
}
