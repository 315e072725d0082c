import { nullLog, systemClock } from '#base'
import { AuditMetrics } from '../../audit-metrics.ts'
import { LogBackend } from './log.ts'
import { RotatingFile } from './rotating-file.ts'

/** For a test that kills it: writes events to a log as fast as it can. */
const path = process.argv[2]!
const file = new RotatingFile({
  path,
  maxBytes: 1_000_000,
  maxBackups: 0,
  maxAgeDays: 0,
  compress: false,
  clock: systemClock,
  log: nullLog,
})
const backend = new LogBackend(file, 'json', { metrics: new AuditMetrics(), log: nullLog })

const time = '2026-11-27T00:00:00.000000Z'
for (let written = 1; ; written++) {
  backend.process([
    {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: 'Request',
      auditID: String(written),
      stage: 'ResponseComplete',
      requestURI: '/version',
      verb: 'get',
      user: {},
      requestObject: 'x'.repeat(written % 20_000),
      requestReceivedTimestamp: time,
      stageTimestamp: time,
    },
  ])
  if (written === 500) process.stdout.write('going\n')
  if (written % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
}
