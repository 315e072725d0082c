import assert from 'node:assert/strict'
import test from 'node:test'
import { Command } from 'commander'
import { type ApiServerOptions, apiServerSettingsOf, withApiServerOptions } from './api-server-options.ts'
import { flagTexts } from './flag-texts.ts'

test('values are told by the names of their flags, as Go prints them', () => {
  const options = {
    securePort: 6443,
    etcdServers: ['http://a', 'http://b'],
    featureGates: { B: true, A: false },
    range: undefined,
    dir: '',
  }
  assert.deepEqual(
    flagTexts(options, [
      ['dir', 'cert-dir'],
      ['unsaid', 'not-said'],
    ]),
    {
      'cert-dir': '',
      'etcd-servers': '[http://a,http://b]',
      'feature-gates': 'A=false,B=true',
      'not-said': '',
      range: '',
      'secure-port': '6443',
    },
  )
})

test('an API server knows all flags that it may be told, said or not', async () => {
  const command = withApiServerOptions(new Command())
  const options = command.parse(['--feature-gates=WatchList=false'], { from: 'user' }).opts<ApiServerOptions>()
  const { flags } = await apiServerSettingsOf(options)
  assert.equal(flags?.['feature-gates'], 'WatchList=false')
  assert.deepEqual(Object.keys(flags ?? {}), command.options.map(({ long }) => long!.replace(/^--(no-)?/, '')).sort())
})
