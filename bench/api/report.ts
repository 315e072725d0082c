import type { Measured } from './load.ts'

/** Of the server's CPU. */
export const perCpuSecond = ({ count, cpuMs }: Pick<Measured, 'count' | 'cpuMs'>): number => (count * 1000) / cpuMs

const percentile = ({ latenciesMs }: Measured, part: number): number =>
  latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * part))] ?? 0

export interface Line {
  readonly name: string
  readonly measured: Measured
}

/** What was measured of ours, and below it of each it is compared with: how much more one CPU-second does here. */
export function report(ours: Line, others: readonly Line[]): void {
  line(ours.name, ours.measured, '')
  for (const { name, measured } of others) {
    const ratio = perCpuSecond(ours.measured) / perCpuSecond(measured)
    line(`    ${name}`, measured, `t8s: ${ratio.toFixed(2)} ×`)
  }
}

function line(name: string, measured: Measured, ratio: string): void {
  const rate = perCpuSecond(measured)
  const [p50, p99] = [percentile(measured, 0.5), percentile(measured, 0.99)]
  const wall = measured.count / measured.seconds
  const figures = [
    `${rate.toFixed(rate < 100 ? 1 : 0).padStart(8)}/CPU s`,
    `${wall.toFixed(wall < 100 ? 1 : 0).padStart(8)}/s`,
    `p50 ${milliseconds(p50)}  p99 ${milliseconds(p99)}`,
  ]
  process.stdout.write(`${name.padEnd(36)}${figures.join(' ')}   ${ratio}\n`)
}

const milliseconds = (ms: number): string => `${ms.toFixed(ms < 100 ? 2 : 0).padStart(6)} ms`
