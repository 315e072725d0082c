import assert from 'node:assert/strict'
import test from 'node:test'
import { ask, startTestApiServer } from '#testing'
import { type HealthCheck, health } from './health.ts'
import { HealthMetrics } from './health-metrics.ts'
import { StartHooks } from './start-hooks.ts'

const HOOKS = [
  'start-system-namespaces-controller',
  'scheduling/bootstrap-system-priority-classes',
  'rbac/bootstrap-roles',
  'priority-and-fairness-config-producer',
  'start-kubernetes-service-cidr-controller',
  'bootstrap-controller',
  'start-cluster-authentication-info-controller',
  'apiservice-registration-controller',
  'autoregister-completion',
  'start-legacy-token-tracking-controller',
  'start-service-ip-repair-controllers',
].map((name) => `[+]poststarthook/${name} ok`)

test('each check is told by upstream’s name, and what was excluded', async () => {
  await using api = await startTestApiServer()
  const lines = async (path: string): Promise<string[]> => (await ask(api, `GET ${path}`)).text.split('\n')
  for (const path of ['livez', 'healthz'])
    assert.deepEqual(await lines(`/${path}?verbose`), ['[+]ping ok', '[+]etcd ok', ...HOOKS, `${path} check passed`, ''])
  assert.deepEqual(await lines('/readyz?verbose&exclude=etcd&exclude=nothing'), [
    '[+]ping ok',
    '[+]etcd excluded: ok',
    '[+]etcd-readiness ok',
    '[+]informer-sync ok',
    ...HOOKS,
    '[+]shutdown ok',
    'warn: some health checks cannot be excluded: no matches for "nothing"',
    'readyz check passed',
    '',
  ])
  assert.equal((await ask(api, 'GET /livez/poststarthook/rbac/bootstrap-roles')).text, 'ok')
})

test('what is done once a server answers is told of when it is done', async () => {
  const hooks = new StartHooks()
  const toldOf = async (name: string): Promise<string | undefined> =>
    hooks.checks.find((each) => each.name === `poststarthook/${name}`)?.check()
  await assert.rejects(hooks.run(['bootstrap-controller'], () => Promise.reject(new Error('it failed'))))
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = hooks.run(['rbac/bootstrap-roles'], () => promise)
  assert.deepEqual([await toldOf('rbac/bootstrap-roles'), await toldOf('bootstrap-controller')], ['not finished', 'not finished'])
  resolve()
  await done
  assert.deepEqual([await toldOf('rbac/bootstrap-roles'), await toldOf('bootstrap-controller')], [undefined, 'not finished'])
})

test('how checks came out is kept for /metrics/slis; what was excluded, or asked for by itself, is not', async () => {
  let isWell = true
  const check: HealthCheck = { name: 'etcd', check: () => (isWell ? undefined : 'gone') }
  const checks = { healthz: [check], livez: [check], readyz: [{ name: 'ping', check: () => undefined }, check] }
  const metrics = new HealthMetrics()
  const asked = (path: string, query = '') => health(path, new URLSearchParams(query), checks, metrics)
  await asked('/readyz')
  await asked('/readyz', 'exclude=ping')
  await asked('/readyz/ping')
  isWell = false
  assert.equal((await asked('/readyz'))?.status, 500)
  await asked('/livez')
  assert.equal(
    metrics.text(),
    [
      '# HELP kubernetes_healthcheck [STABLE] This metric records the result of a single healthcheck.',
      '# TYPE kubernetes_healthcheck gauge',
      'kubernetes_healthcheck{name="ping",type="readyz"} 1',
      'kubernetes_healthcheck{name="etcd",type="readyz"} 0',
      'kubernetes_healthcheck{name="etcd",type="livez"} 0',
      '# HELP kubernetes_healthchecks_total [STABLE] This metric records the results of all healthcheck.',
      '# TYPE kubernetes_healthchecks_total counter',
      'kubernetes_healthchecks_total{name="ping",status="success",type="readyz"} 2',
      'kubernetes_healthchecks_total{name="etcd",status="success",type="readyz"} 2',
      'kubernetes_healthchecks_total{name="etcd",status="error",type="readyz"} 1',
      'kubernetes_healthchecks_total{name="etcd",status="error",type="livez"} 1',
      '',
    ].join('\n'),
  )
})

test('a server tells how its checks came out, and since when its process runs', async () => {
  await using api = await startTestApiServer()
  await ask(api, 'GET /readyz')
  const { headers, text } = await ask(api, 'GET /metrics/slis')
  assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores')
  assert.match(headers['process-start-time-unix'] ?? '', /^\d{10}$/)
  assert.match(text, /^kubernetes_healthcheck\{name="shutdown",type="readyz"\} 1$/m)
  assert.deepEqual(
    text.split('\n').flatMap((line) => (line.startsWith('# HELP') ? [line.split(' ')[2]] : [])),
    ['kubernetes_healthcheck', 'kubernetes_healthchecks_total', 'process_start_time_seconds'],
  )
  const counted = (await ask(api, 'GET /metrics')).text
  const labels = 'component="",dry_run="",group="",resource="",scope="",subresource="/readyz",verb="GET",version=""'
  assert.ok(counted.includes(`\napiserver_request_total{code="200",${labels}} 1\n`))
})
