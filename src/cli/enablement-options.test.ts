import assert from 'node:assert/strict'
import test from 'node:test'
import { Command } from 'commander'
import { type EnablementFlags, enablementOf, withEnablementOptions } from './enablement-options.ts'

const parse = async (...flags: string[]) => {
  const command = withEnablementOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr() {} })
  return enablementOf(command.parse(flags, { from: 'user' }).opts<EnablementFlags>())
}

test('features and versions are said by upstream’s flags, once or several times', async () => {
  assert.deepEqual(await parse(), { featureGates: undefined, runtimeConfig: undefined })
  assert.deepEqual(
    await parse(
      '--feature-gates=ClusterTrustBundle=true',
      '--feature-gates=kube:ClusterTrustBundleProjection=true,WatchList=false',
      '--runtime-config=certificates.k8s.io/v1beta1=true',
      '--runtime-config=api/alpha',
    ),
    {
      featureGates: { ClusterTrustBundle: true, ClusterTrustBundleProjection: true, WatchList: false },
      runtimeConfig: { 'certificates.k8s.io/v1beta1': 'true', 'api/alpha': '' },
    },
  )
})

test('what can not be is said to be a mistake of the call', async () => {
  const wrong: Readonly<Record<string, string>> = {
    '--feature-gates=Nonsense=true': '--feature-gates: unrecognized feature gate: Nonsense',
    '--feature-gates=MutatingAdmissionPolicy=false':
      '--feature-gates: cannot set feature gate MutatingAdmissionPolicy to false, feature is locked to true',
    '--feature-gates=WatchList': '--feature-gates: missing bool value for WatchList',
    '--runtime-config=nowhere.io/v1': '--runtime-config: unknown api groups nowhere.io',
  }
  for (const [flag, message] of Object.entries(wrong)) await assert.rejects(parse(flag), { name: 'UsageError', message })
})
