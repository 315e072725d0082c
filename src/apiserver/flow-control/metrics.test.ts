import assert from 'node:assert/strict'
import test from 'node:test'
import { ask, startTestApiServer } from '#testing'

test('histograms have upstream’s buckets, and each family says how stable it is', async () => {
  await using api = await startTestApiServer()
  const { text } = await ask(api, 'GET /metrics')
  const boundsOf = (name: string): string[] =>
    [
      ...text.matchAll(
        new RegExp(`^apiserver_flowcontrol_${name}_bucket\\{flow_schema="exempt",priority_level="exempt",le="(.*)"\\}`, 'gm'),
      ),
    ].map(([, bound = '']) => bound)
  assert.deepEqual(boundsOf('work_estimated_seats'), ['1', '2', '4', '8', '16', '32', '64', '100', '+Inf'])
  const seconds = ['0', '0.005', '0.02', '0.05', '0.1', '0.2', '0.5', '1', '2', '5', '10', '15', '30', '+Inf']
  for (const name of ['request_wait_duration_seconds', 'request_execution_seconds']) assert.deepEqual(boundsOf(name), seconds)
  const stable = (level: string): string[] =>
    [...text.matchAll(new RegExp(`^# HELP apiserver_flowcontrol_(\\w+) \\[${level}\\]`, 'gm'))].map(([, name = '']) => name)
  assert.deepEqual(stable('BETA'), [
    'current_executing_requests',
    'current_executing_seats',
    'current_inqueue_requests',
    'dispatched_requests_total',
    'nominal_limit_seats',
    'request_wait_duration_seconds',
  ])
  assert.ok(stable('ALPHA').includes('current_limit_seats'))
})
