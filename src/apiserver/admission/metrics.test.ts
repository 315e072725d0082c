import assert from 'node:assert/strict'
import test from 'node:test'
import {
  configMaps,
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  pods,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
} from '#api'
import {
  ask,
  deny,
  mutatingWebhooks,
  podOf,
  refusal,
  settings,
  startAdmissionTest,
  startWebhookLab,
  type TestApiServer,
  validatingWebhooks,
  webhookTo,
} from '#testing'

/** The value of a line of a scrape; 0: there is none. */
async function scraped(api: TestApiServer): Promise<(line: string) => number> {
  const lines = (await ask(api, 'GET /metrics')).text.split('\n')
  return (start) =>
    Number(
      lines
        .find((line) => line.startsWith(`apiserver_${start} `))
        ?.split(' ')
        .at(-1) ?? 0,
    )
}

test('each plugin and the chain as a whole tell how long they took, and whether they refused', async () => {
  await using api = await startAdmissionTest()
  const before = await scraped(api)
  await api.client.create(configMaps, settings('a'))
  await refusal(api.client.create(pods, podOf('p', { priority: 7 })))
  const after = await scraped(api)
  const more = (line: string): number => after(line) - before(line)
  const step = 'admission_step_admission_duration_seconds'
  const controller = 'admission_controller_admission_duration_seconds'
  assert.equal(more(`${step}_count{operation="CREATE",rejected="false",type="admit"}`), 1)
  assert.equal(more(`${step}_count{operation="CREATE",rejected="true",type="admit"}`), 1)
  assert.equal(more(`${step}_count{operation="CREATE",rejected="false",type="validate"}`), 1)
  assert.equal(more(`${controller}_count{name="LimitRanger",operation="CREATE",rejected="false",type="admit"}`), 2)
  assert.equal(more(`${controller}_count{name="Priority",operation="CREATE",rejected="true",type="admit"}`), 1)
  assert.equal(after(`${controller}_count{name="Priority",operation="DELETE",rejected="false",type="admit"}`), 0)
  const { text } = await ask(api, 'GET /metrics')
  const bounds = [
    ...text.matchAll(/step_admission_duration_seconds_bucket\{operation="CREATE",rejected="false",type="admit",le="([^"]+)"/g),
  ]
  assert.deepEqual(
    bounds.map(([, bound]) => bound),
    ['0.005', '0.025', '0.1', '0.5', '1', '2.5', '+Inf'],
  )
  assert.doesNotMatch(text, /_count\{.*\} 0$/m, 'what was never observed is not shown')
})

test('webhooks tell how they were asked, what they refused, and when they were passed over', async () => {
  await using lab = await startWebhookLab((_request, path) =>
    path.startsWith('/deny')
      ? deny('no', 409)
      : path.startsWith('/broken')
        ? (_review, response) => void response.end('<html>')
        : { allowed: true },
  )
  const { api, client, server } = lab
  const named = (name: string, more: object = {}) => webhookTo(server, `/${name}`, { name: `${name}.hooks.example`, ...more })
  const excluding = [{ name: 'others', expression: "object.metadata.name != 'denied'" }]
  await mutatingWebhooks(client, 'fine', named('fine', { matchConditions: excluding }))
  await mutatingWebhooks(client, 'open', named('broken', { failurePolicy: 'Ignore' }))
  await client.create(configMaps, settings('a'))
  const denying = [{ name: 'one', expression: "object.metadata.name == 'denied'" }]
  await validatingWebhooks(client, 'deny', named('deny', { matchConditions: denying }))
  await refusal(client.create(configMaps, settings('denied')))
  await client.create(configMaps, settings('c'))
  await mutatingWebhooks(client, 'shut', webhookTo(server, '/broken', { name: 'shut.hooks.example', failurePolicy: 'Fail' }))
  await refusal(client.create(configMaps, settings('b')))
  const value = await scraped(api)
  const requests = 'admission_webhook_request_total'
  const rejections = 'admission_webhook_rejection_count'
  assert.equal(value(`${requests}{code="200",name="fine.hooks.example",operation="CREATE",rejected="false",type="admit"}`), 3)
  assert.equal(value(`${requests}{code="409",name="deny.hooks.example",operation="CREATE",rejected="true",type="validating"}`), 1)
  assert.equal(value(`${requests}{code="503",name="broken.hooks.example",operation="CREATE",rejected="false",type="admit"}`), 4)
  assert.equal(
    value(
      `${rejections}{error_type="no_error",name="deny.hooks.example",operation="CREATE",rejection_code="409",type="validating"}`,
    ),
    1,
  )
  assert.equal(
    value(
      `${rejections}{error_type="calling_webhook_error",name="shut.hooks.example",operation="CREATE",rejection_code="503",type="admit"}`,
    ),
    1,
  )
  assert.equal(value('admission_webhook_fail_open_count{name="broken.hooks.example",type="admit"}'), 4)
  assert.equal(
    value(
      'admission_webhook_admission_duration_seconds_count{name="fine.hooks.example",operation="CREATE",rejected="false",type="admit"}',
    ),
    3,
  )
  const condition = '{kind="webhook",name="fine.hooks.example",operation="CREATE",type="admit"}'
  assert.equal(value(`admission_match_condition_exclusions_total${condition}`), 1)
  const excluded = '{kind="webhook",name="deny.hooks.example",operation="CREATE",type="validate"}'
  assert.equal(value(`admission_match_condition_exclusions_total${excluded}`), 1)
  // Upstream takes no time where they hold.
  assert.equal(value(`admission_match_condition_evaluation_seconds_count${condition}`), 1)
})

test('policies tell what they were checked with and what came of it', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  const metadata = { name: 'p' }
  const resourceRules = [{ operations: ['CREATE' as const], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }]
  await client.create(validatingAdmissionPolicies, {
    metadata,
    spec: {
      matchConstraints: { resourceRules },
      matchConditions: [{ name: 'c', expression: "object.metadata.name != 'excluded'" }],
      validations: [{ expression: "object.data.k == 'good'" }],
    },
  })
  await client.create(validatingAdmissionPolicyBindings, {
    metadata,
    spec: { policyName: 'p', validationActions: ['Deny', 'Audit'] },
  })
  await client.create(mutatingAdmissionPolicies, {
    metadata,
    spec: {
      matchConstraints: { resourceRules },
      reinvocationPolicy: 'Never',
      mutations: [
        { patchType: 'JSONPatch', jsonPatch: { expression: '[JSONPatch{op: "test", path: "/nothing"}].filter(patch, false)' } },
      ],
    },
  })
  await client.create(mutatingAdmissionPolicyBindings, { metadata, spec: { policyName: 'p' } })
  await client.create(configMaps, settings('a', { k: 'good' }))
  await client.create(configMaps, settings('excluded'))
  await refusal(client.create(configMaps, settings('b', { k: 'bad' })))
  await refusal(client.create(configMaps, settings('c')))
  const value = await scraped(api)
  const labels = (action: string, type: string): string =>
    `{enforcement_action="${action}",error_type="${type}",policy="p",policy_binding="p"}`
  const checks = 'validating_admission_policy_check_total'
  // To upstream, what refuses is in error as what can't be evaluated is.
  assert.equal(value(`${checks}${labels('deny', 'invalid_error')}`), 2)
  assert.equal(value(`${checks}${labels('audit', 'invalid_error')}`), 2)
  assert.equal(value(`${checks}${labels('deny', 'no_error')}`), 0)
  assert.equal(value(`validating_admission_policy_check_duration_seconds_count${labels('deny', 'invalid_error')}`), 2)
  assert.equal(value('mutating_admission_policy_check_total{error_type="no_error",policy="p",policy_binding="p"}'), 4)
  const condition = '{kind="policy",name="p",operation="CREATE",type="validate"}'
  assert.equal(value(`admission_match_condition_exclusions_total${condition}`), 0, 'of webhooks alone')
  assert.equal(value(`admission_match_condition_evaluation_seconds_count${condition}`), 1)
})
