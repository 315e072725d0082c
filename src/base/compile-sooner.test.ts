import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import test from 'node:test'

test('a function is compiled by the best compiler after a fraction of the calls', () => {
  const [sooner, without] = [callsUntilCompiled('compileSooner()'), callsUntilCompiled('')]
  assert.ok(sooner > 0 && sooner < without / 4, `${sooner} calls instead of ${without}`)
})

/** In a process of its own, which compiles in its one thread, so that chance has no part in it. */
function callsUntilCompiled(before: string): number {
  const program = `
    import { compileSooner } from ${JSON.stringify(new URL('compile-sooner.ts', import.meta.url))}
    ${before}
    const sum = (numbers) => { let total = 0; for (const name in numbers) total += numbers[name]; return total }
    let calls = 0
    while (calls < 50_000 && (%GetOptimizationStatus(sum) & ${TURBOFANNED}) === 0) { sum({ a: 1, b: 2 }); calls++ }
    console.log(calls)`
  return Number(execFileSync(process.execPath, [...FLAGS, program], { encoding: 'utf8' }))
}

const FLAGS = ['--single-threaded', '--allow-natives-syntax', '--input-type=module', '--eval']
/** Of V8's answer, the bit that says so. */
const TURBOFANNED = 1 << 5
