import assert from 'node:assert/strict'
import test from 'node:test'
import { Command } from 'commander'
import { type AuditOptions, auditOf, withAuditOptions } from './audit-options.ts'

const parse = (...flags: string[]) => auditOf(withAuditOptions(new Command()).parse(flags, { from: 'user' }).opts<AuditOptions>())

test('nothing is recorded without a policy, or without a place', () => {
  assert.equal(parse(), undefined)
  assert.equal(parse('--audit-log-path=/var/log/audit.log'), undefined)
  assert.equal(parse('--audit-policy-file=/etc/policy.yaml'), undefined)
})

test("the flags of auditing have upstream's names and defaults", () => {
  const flags = ['--audit-policy-file=/etc/p', '--audit-log-path=-', '--audit-webhook-config-file=/etc/w']
  const batch = { bufferSize: 10_000, maxSize: 1, maxWaitMs: 0, throttle: undefined }
  assert.deepEqual(parse(...flags), {
    policy: '/etc/p',
    log: {
      path: '-',
      format: 'json',
      maxAgeDays: 0,
      maxBackups: 0,
      maxSizeMegabytes: 0,
      compress: false,
      mode: 'blocking',
      batch,
    },
    webhook: {
      configFile: '/etc/w',
      initialBackoffMs: 10_000,
      mode: 'batch',
      batch: { ...batch, maxSize: 400, maxWaitMs: 30_000, throttle: { qps: 10, burst: 15 } },
    },
  })
  const more = ['--audit-log-mode=blocking-strict', '--audit-log-truncate-enabled', '--audit-log-truncate-max-event-size=10']
  const log = parse(...flags, ...more)?.log
  assert.deepEqual([log?.mode, log?.truncate], ['blocking-strict', { maxEventBytes: 10, maxBatchBytes: 10_485_760 }])
})

test('flags of auditing that can not be meant are refused', () => {
  const flags = ['--audit-policy-file=/etc/p', '--audit-log-path=-']
  assert.throws(() => parse('--audit-log-mode=later'), /--audit-log-mode takes batch, blocking, blocking-strict/)
  assert.throws(() => parse('--audit-webhook-batch-throttle-qps=0'), /takes a positive number, not '0'/)
  assert.throws(() => parse('--audit-log-maxsize=-1'), /takes a whole number/)
  assert.throws(
    () => parse(...flags, '--audit-log-truncate-max-batch-size=5'),
    /invalid audit truncate log max batch size 5, must be greater than max event size \(102400\)/,
  )
})
